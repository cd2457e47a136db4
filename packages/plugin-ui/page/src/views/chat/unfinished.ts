// Whether this tab was receiving answers. When it is loaded again, they continue in every view.
const name = 'lamina.chat.unfinished';

/** Remembers it until the tab is closed. */
export function rememberUnfinished(isReceiving: boolean): void {
  if (isReceiving) sessionStorage.setItem(name, 'true');
  else sessionStorage.removeItem(name);
}

/** Whether the page before this one was receiving answers. */
export function hasUnfinished(): boolean {
  return sessionStorage.getItem(name) !== null;
}
