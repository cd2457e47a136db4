// The address of the page: which view is shown, and of what. It is the fragment of the URL, so that the page works below
// any path and the server needs to know nothing of it.
import { signal } from '@preact/signals';

/** The views, in the order of the navigation. */
export const views = ['models', 'chat', 'downloads', 'requests', 'dashboard', 'logs', 'events'] as const;

/** A view of the page. */
export type View = (typeof views)[number];

/** What is shown: a view, and the name or id of one thing in it. */
export interface Route {
  readonly view: View;
  /** Empty for none. */
  readonly item: string;
  readonly query: URLSearchParams;
}

/** The route now. {@link followAddress} keeps it up to date. */
export const route = signal<Route>(parseRoute(''));

/** Whether the address has changed since the page was opened. */
export let hasNavigated = false;

/** Reads a fragment such as `#/logs/tiny?filter=error`; an unknown view is the first one. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const [name = '', ...rest] = path.split('/');
  const view = views.find((one) => one === name) ?? views[0];
  return { view, item: decode(rest.join('/')), query: new URLSearchParams(query) };
}

/** The link to a view. */
export function href(view: View, item = '', query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString();
  const path = item === '' ? view : `${view}/${encodeURIComponent(item)}`;
  return `#/${path}${search === '' ? '' : `?${search}`}`;
}

/** Shows another view. */
export function navigate(view: View, item = '', query: Readonly<Record<string, string>> = {}): void {
  location.hash = href(view, item, query);
}

/** Shows something else in a view, without a new entry in the history of the browser. */
export function replaceRoute(view: View, item = '', query: Readonly<Record<string, string>> = {}): void {
  location.replace(href(view, item, query));
}

/** Follows the address of the window. */
export function followAddress(): void {
  const update = (): void => {
    route.value = parseRoute(location.hash);
  };
  addEventListener('hashchange', () => {
    hasNavigated = true;
    update();
  });
  update();
}

/** A link that people have changed by hand can be badly encoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
