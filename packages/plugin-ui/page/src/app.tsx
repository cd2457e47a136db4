// The frame of the page: navigation, the state of the server in one line, and the view of the address.
import { useSignalEffect } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Button } from './components/basics.js';
import { Icon } from './components/icons.js';
import { ConnectionBanner, StatusLine } from './components/status-line.js';
import { lazyView, type ViewProps } from './lazy-view.js';
import { href, route, views, type View } from './router.js';
import { SessionContext } from './server/session-context.js';
import type { Session } from './server/session.js';
import { isDark, switchTheme } from './theme.js';
import { pageTitle } from './title.js';
import { hasUnfinished } from './views/chat/unfinished.js';
import { ModelsView } from './views/models/models-view.js';

const titles: Readonly<Record<View, string>> = {
  models: 'Models',
  chat: 'Chat',
  downloads: 'Downloads',
  requests: 'Requests',
  dashboard: 'Dashboard',
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
const inMenu = views.filter((name) => !inBar.includes(name));

export function App({
  session,
  onForgetKey,
}: {
  readonly session: Session;
  /** Undefined when the session has no key. */
  readonly onForgetKey: (() => void) | undefined;
}): JSX.Element {
  const { view, item, query } = route.value;
  const menu = useRef<HTMLDivElement>(null);
  useSignalEffect(() => {
    document.title = pageTitle(session, titles[route.value.view]);
  });
  useEffect(() => {
    // Answers that the page before this one received continue, whatever this one shows.
    if (hasUnfinished()) void import('./views/chat/chats.js').then(({ chatsOf }) => chatsOf(session));
  }, [session]);
  const View = components[view];
  const link = (name: View): JSX.Element => (
    <a key={name} href={href(name)} aria-current={name === view ? 'page' : undefined}>
      <Icon name={name} />
      <span>{titles[name]}</span>
      {name === 'downloads' ? <DownloadCount session={session} /> : undefined}
    </a>
  );
  return (
    <SessionContext.Provider value={session}>
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
          label={isDark.value ? 'Light colours' : 'Dark colours'}
          icon={isDark.value ? 'sun' : 'moon'}
          iconOnly
          kind="plain"
          onClick={switchTheme}
        />
      </header>
      <ConnectionBanner session={session} />
      <nav class="rail" aria-label="Views">
        {inBar.map(link)}
        <button type="button" class={`more ${inMenu.includes(view) ? 'current' : ''}`} popovertarget="more-views">
          <Icon name="more" />
          <span>More</span>
        </button>
        {/* The browser opens and closes it, also on Escape and a click elsewhere. */}
        <div ref={menu} id="more-views" class="others" popover="auto" onClick={() => menu.current?.hidePopover()}>
          {inMenu.map(link)}
        </div>
      </nav>
      <main id="main" class={`view-${view}`} tabIndex={-1}>
        <View key={view} session={session} item={item} query={query} />
      </main>
    </SessionContext.Provider>
  );
}

function DownloadCount({ session }: { readonly session: Session }): JSX.Element | undefined {
  const downloads = session.downloads.value.value?.downloads ?? [];
  const active = downloads.filter(({ state }) => state === 'active' || state === 'queued').length;
  if (active === 0) return undefined;
  return (
    <span class="badge">
      {active}
      <span class="visually-hidden"> under way</span>
    </span>
  );
}

/** A link to `#main` would be an address of its own. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}
