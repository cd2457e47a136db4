// The state of the server in one line: whether it is connected, what runs, and what waits.
import type { JSX } from 'preact';
import type { Session } from '../server/session.js';

const words = { connecting: 'connecting', live: 'live', lost: 'no connection' } as const;
const tones = { connecting: 'busy', live: 'good', lost: 'bad' } as const;

export function StatusLine({ session }: { readonly session: Session }): JSX.Element {
  const connection = session.connection.value;
  const models = Object.values(session.ps.value.value?.models ?? {});
  const busy = models.reduce((sum, model) => sum + model.busy, 0);
  const waiting = models.reduce((sum, model) => sum + model.waiting, 0);
  return (
    <p class="status-line">
      {connection === 'live' ? (
        <span class="counts" title="Requests that run, and requests that wait">
          {`${busy} running · ${waiting} waiting`}
        </span>
      ) : undefined}
      <span class={`state ${tones[connection]}`}>{words[connection]}</span>
    </p>
  );
}

/** Says that the connection was lost. The element is always there, so that screen readers notice its text. */
export function ConnectionBanner({ session }: { readonly session: Session }): JSX.Element {
  return (
    <div class="banner" role="status">
      {session.connection.value === 'lost' ? 'The connection to the server was lost. Trying again.' : undefined}
    </div>
  );
}
