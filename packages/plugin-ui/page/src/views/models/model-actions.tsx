// What one does with a model most: chat with it, start it, stop it, or get it.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { ActionButton, Button, Confirm } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import { href } from '../../router.js';
import type { Session } from '../../server/session.js';
import { canChat, type ModelRow } from './model-rows.js';
import { stopQuestion } from './sentences.js';

interface ActionsProps {
  readonly session: Session;
  readonly row: ModelRow;
  /** Says what failed; undefined when an action begins. */
  readonly onProblem: (text: string | undefined) => void;
}

export function ModelActions(props: ActionsProps): JSX.Element {
  const { name, model, download } = props.row;
  return (
    <>
      {canChat(props.row) ? (
        <a class="button" href={href('chat', '', { model: name })} aria-label={`Chat with ${name}`}>
          <Icon name="chat" />
          Chat
        </a>
      ) : undefined}
      {model?.available === true || (model !== undefined && model.state !== 'stopped') ? (
        <StartOrStop {...props} />
      ) : undefined}
      {model?.available === false && download === undefined ? <Pull {...props} /> : undefined}
    </>
  );
}

const stoppable = ['queued', 'starting', 'waking', 'ready', 'degraded', 'sleeping', 'stopping'];

function StartOrStop({ session, row, onProblem }: ActionsProps): JSX.Element | undefined {
  const { name, model, run } = row;
  const isAsking = useSignal(false);
  // Not awaited by the button: a model that starts can be cancelled. Its state tells the end.
  const begin = (work: Promise<unknown>): void => {
    onProblem(undefined);
    work.catch(({ code, message }: { readonly code?: string; readonly message: string }) => {
      if (code !== 'MODEL_STOPPED' && code !== 'CLOSED') onProblem(message);
    });
  };
  const stop = (): void => begin(session.client.models.stop(name));
  const { state = 'stopped', available = false, cannot_run: cannotRun, limits } = model ?? {};
  if (!stoppable.includes(state)) {
    if (!available) return undefined;
    return (
      <Button
        label="Start"
        of={name}
        icon="play"
        needsManage
        disabled={cannotRun !== undefined}
        hint={cannotRun}
        onClick={() => begin(session.client.models.start(name))}
      />
    );
  }
  const question = stopQuestion(run, limits);
  const isLoading = state === 'queued' || state === 'starting' || state === 'waking';
  return (
    <>
      <Button
        label={isLoading ? 'Cancel' : 'Stop'}
        of={isLoading ? `the start of ${name}` : name}
        icon={isLoading ? 'close' : 'stop'}
        needsManage
        disabled={state === 'stopping'}
        onClick={question === undefined ? stop : () => (isAsking.value = true)}
      />
      {isAsking.value ? (
        <Confirm
          title={`Stop ${name}?`}
          text={question ?? 'No answer is under way now.'}
          action="Stop"
          run={() => Promise.resolve(stop())}
          onClose={() => (isAsking.value = false)}
        />
      ) : undefined}
    </>
  );
}

function Pull({ session, row: { name }, onProblem }: ActionsProps): JSX.Element {
  const offer = session.downloadable.value.value?.models.find(({ model }) => model === name);
  if (offer === undefined) return <span class="note">no source</span>;
  return (
    <ActionButton
      label="Pull"
      of={name}
      icon="downloads"
      needsManage
      hint={`From ${Object.keys(offer.sources).join(', ')}`}
      action={() => {
        onProblem(undefined);
        return session.client.downloads.start({ model: name }).catch(({ message }: Error) => onProblem(message));
      }}
    />
  );
}
