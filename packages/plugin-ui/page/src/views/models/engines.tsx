// The engines of the server, and how to get those that are missing.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { BackendsView, BackendView, InstallationView } from '@lamina/core/protocol';
import { ActionButton, Note, Progress, State } from '../../components/basics.js';
import type { Session } from '../../server/session.js';
import { progressText } from './sentences.js';

export function Engines({ session }: { readonly session: Session }): JSX.Element | undefined {
  const view = session.backends.value.value;
  if (view === undefined) return undefined;
  const backends = Object.entries(view.backends);
  const refresh = async (): Promise<void> => {
    await session.api.request<BackendsView>('backends/refresh', { method: 'POST' });
    for (const value of [session.backends, session.models]) value.invalidate();
  };
  return (
    <section class="section">
      <div class="section-head">
        <h2>Engines</h2>
        <ActionButton
          label="Look again"
          icon="retry"
          kind="plain"
          needsManage
          hint="Looks for engines that were installed meanwhile."
          action={refresh}
        />
      </div>
      {backends.length === 0 ? (
        <Note>
          No plugin for an engine is loaded. Install one, such as: <code>npm install @lamina/plugin-llamacpp</code>
        </Note>
      ) : undefined}
      <ul class="engines">
        {backends.map(([name, backend]) => (
          <Engine key={name} session={session} name={name} backend={backend} />
        ))}
      </ul>
    </section>
  );
}

function Engine({
  session,
  name,
  backend,
}: {
  readonly session: Session;
  readonly name: string;
  readonly backend: BackendView;
}): JSX.Element {
  const isInstalling = useSignal(false);
  const { available, version, formats, reason, hint, note, fallback } = backend;
  const install = async (): Promise<void> => {
    isInstalling.value = true;
    try {
      await session.api.request<InstallationView>(`backends/${encodeURIComponent(name)}/install`, { method: 'POST' });
    } finally {
      isInstalling.value = false;
    }
  };
  return (
    <li class="card engine">
      <div class="model-title">
        <h3>{name}</h3>
        <State state={stateOf(backend)} />
        {version === undefined ? undefined : <span class="muted">{version}</span>}
        {formats.length === 0 ? undefined : <span class="muted">{formats.join(', ')}</span>}
      </div>
      {available ? undefined : (
        <Note>
          {reason?.replace(/\.?$/, '.')}
          {fallback === undefined ? undefined : ` Until then, ${fallback} serves its models.`}
        </Note>
      )}
      {(hint ?? note) === undefined ? undefined : <Note>{hint ?? note}</Note>}
      {isInstalling.value ? <Installing session={session} name={name} /> : undefined}
      {installsItself(backend) ? (
        <div class="row">
          <ActionButton label="Install" of={name} icon="downloads" needsManage action={install} />
        </div>
      ) : undefined}
    </li>
  );
}

function Installing({ session, name }: { readonly session: Session; readonly name: string }): JSX.Element {
  const progress = session.installing.value.get(name) ?? { stage: 'installing' };
  return (
    <div class="model-progress">
      <Progress label={`Installation of ${name}`} ratio={progress.ratio} />
      <span>{progressText(progress)}</span>
    </div>
  );
}

function stateOf(backend: BackendView): string {
  if (!backend.available) return 'not installed';
  return installsItself(backend) ? 'installed at first use' : 'available';
}

/** An engine that Lamina can install says so by the command that does it. */
function installsItself({ hint = '', note = '' }: BackendView): boolean {
  return `${hint}\n${note}`.includes('lamina backends install');
}
