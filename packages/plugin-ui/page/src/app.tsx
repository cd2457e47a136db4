// The frame of the page: navigation, the state of the server in one line, and the view of the address.
import { useSignal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { Button } from './components/basics.js';
import { Icon } from './components/icons.js';
import { StatusLine } from './components/status-line.js';
import { lazyView, type ViewProps } from './lazy-view.js';
import { href, route, views, type View } from './router.js';
import type { Session } from './server/session.js';
import { isDark, switchTheme } from './theme.js';
import { pageTitle } from './title.js';
import { hasUnfinished } from './views/chat/unfinished.js';
import { ModelsView } from './views/models/models-view.js';

const titles: Readonly<Record<View, string>> = {
  models: 'Models',
  chat: 'Chat',
  requests: 'Requests',
  dashboard: 'Dashboard',
  downloads: 'Downloads',
  logs: 'Logs',
  events: 'Events',
};

const components: Readonly<Record<View, ComponentType<ViewProps>>> = {
  models: ModelsView,
  chat: lazyView(async () => (await import('./views/chat/chat-view.js')).ChatView),
  requests: lazyView(async () => (await import('./views/requests/requests-view.js')).RequestsView),
  dashboard: lazyView(async () => (await import('./views/dashboard/dashboard-view.js')).DashboardView),
  downloads: lazyView(async () => (await import('./views/downloads/downloads-view.js')).DownloadsView),
  logs: lazyView(async () => (await import('./views/logs/logs-view.js')).LogsView),
  events: lazyView(async () => (await import('./views/events/events-view.js')).EventsView),
};

/** On a phone, the bar at the bottom has these, and a menu with the others. */
const inBar: readonly View[] = ['models', 'chat', 'downloads'];

export function App({
  session,
  onForgetKey,
}: {
  readonly session: Session;
  /** Undefined when the session has no key. */
  readonly onForgetKey: (() => void) | undefined;
}): JSX.Element {
  const { view, item, query } = route.value;
  const isMenuOpen = useSignal(false);
  useEffect(() => {
    isMenuOpen.value = false;
    // After navigation, for those who use the keyboard or a screen reader. Not on the first view of the page.
    if (document.activeElement !== document.body) document.querySelector<HTMLElement>('main h1')?.focus();
  }, [view]);
  useEffect(() => {
    document.title = pageTitle(session, titles[view]);
  });
  useEffect(() => {
    // Answers that the page before this one received continue, whatever this one shows.
    if (hasUnfinished()) void import('./views/chat/chats.js').then(({ chatsOf }) => chatsOf(session));
  }, [session]);
  const View = components[view];
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href={href('models')}>
          <img src="./favicon.svg" alt="" width="22" height="22" />
          Lamina
        </a>
        <StatusLine session={session} />
        {onForgetKey === undefined ? undefined : (
          <Button label="Forget key" icon="key" iconOnly kind="plain" onClick={onForgetKey} />
        )}
        <Button
          label={isDark() ? 'Light colours' : 'Dark colours'}
          icon={isDark() ? 'sun' : 'moon'}
          iconOnly
          kind="plain"
          onClick={switchTheme}
        />
      </header>
      <nav class={`rail ${isMenuOpen.value ? 'open' : ''}`} aria-label="Views">
        {views.map((name) => (
          <a
            key={name}
            class={inBar.includes(name) ? 'in-bar' : ''}
            href={href(name)}
            aria-current={name === view ? 'page' : undefined}
            onClick={() => (isMenuOpen.value = false)}
          >
            <Icon name={name} />
            <span>{titles[name]}</span>
            {name === 'downloads' ? <DownloadCount session={session} /> : undefined}
          </a>
        ))}
        <button
          type="button"
          class="more"
          aria-expanded={isMenuOpen.value}
          onClick={() => (isMenuOpen.value = !isMenuOpen.value)}
        >
          <Icon name="more" />
          <span>More</span>
        </button>
      </nav>
      <main id="main" class={`view-${view}`} tabIndex={-1}>
        <View key={view} session={session} item={item} query={query} />
      </main>
    </>
  );
}

function DownloadCount({ session }: { readonly session: Session }): JSX.Element | undefined {
  const downloads = session.downloads.value.value?.downloads ?? [];
  const active = downloads.filter(({ state }) => state === 'active' || state === 'queued').length;
  return active === 0 ? undefined : <span class="badge">{active}</span>;
}

/** A link to `#main` would be an address of its own. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
