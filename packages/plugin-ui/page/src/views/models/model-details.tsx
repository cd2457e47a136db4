// All facts about a model, how to use it from other programs, and its removal. They are read while they are shown.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { ModelDetail, ModelView, PsModel, RemovalView } from '@lamina/core/protocol';
import { Button, Confirm, CopyButton, Note, Problem } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import { href } from '../../router.js';
import { storedKey } from '../../server/key.js';
import type { Session } from '../../server/session.js';
import { useLive } from '../../server/use-live.js';
import { apiUrl, curlLine, modelPath } from './addresses.js';
import { detailFacts } from './details.js';

/** So many names are shown in a sentence. */
const mostNames = 5;

interface DetailsProps {
  readonly session: Session;
  readonly name: string;
  readonly model: ModelView;
  readonly run: PsModel | undefined;
  /** The model was removed; the text says of what. */
  readonly onRemoved: (text: string) => void;
}

export function ModelDetails({ session, name, model, run, onRemoved }: DetailsProps): JSX.Element {
  const detail = useLive(session, {
    read: (signal) => session.api.request<ModelDetail>(`${modelPath(name)}?backends=true`, { signal }),
    events: ['model.state', 'model.updated', 'model.failed'],
  });
  const value = detail.value.value;
  return (
    <section class="model-details" aria-label={`Details of ${name}`}>
      {detail.problem.value === undefined ? undefined : <Problem text={detail.problem.value} />}
      {value === undefined ? (
        <Note>Loading…</Note>
      ) : (
        <>
          {value.missing?.map((sentence) => (
            <p class="note" key={sentence}>
              {sentence}
            </p>
          ))}
          <dl>
            {detailFacts(value, run).map(([term, text]) => (
              <div key={term}>
                <dt>{term}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </>
      )}
      <div class="row">
        <CopyButton label="Copy a curl line" text={() => curlOf(session, name, value)} />
        <CopyButton label="Copy the base URL" text={() => apiUrl(session.api.base)} />
        <a class="button plain" href={href('logs', name)} aria-label={`Engine log of ${name}`}>
          <Icon name="logs" />
          Engine log
        </a>
        <Remove session={session} name={name} model={model} onRemoved={onRemoved} />
      </div>
    </section>
  );
}

function curlOf({ api }: Session, name: string, detail: ModelDetail | undefined): string {
  return curlLine(api.base, name, { capabilities: detail?.capabilities, hasKey: storedKey() !== undefined });
}

function Remove({ session, name, model, onRemoved }: Omit<DetailsProps, 'run'>): JSX.Element {
  const isAsking = useSignal(false);
  const withFiles = useSignal(false);
  const remove = async (): Promise<void> => {
    const path = `${modelPath(name)}${withFiles.value ? '?files=1' : ''}`;
    onRemoved(removalText(await session.api.request<RemovalView>(path, { method: 'DELETE' })));
  };
  return (
    <>
      <Button label="Delete…" of={name} icon="trash" kind="plain" needsManage onClick={() => (isAsking.value = true)} />
      {isAsking.value ? (
        <Confirm
          title={`Delete ${name}?`}
          text={
            <>
              Its entry is removed from the manifest{model.active ? ', and it is stopped first' : ''}.
              {model.bytes > 0 ? (
                <label class="check">
                  <input
                    type="checkbox"
                    checked={withFiles.value}
                    onChange={({ currentTarget }) => (withFiles.value = currentTarget.checked)}
                  />
                  Also delete its files
                </label>
              ) : undefined}
            </>
          }
          action="Delete"
          run={remove}
          onClose={() => (isAsking.value = false)}
        />
      ) : undefined}
    </>
  );
}

/** What was removed, and what stays. */
function removalText({ removed, deleted, kept, remaining }: RemovalView): string {
  return [
    `Removed "${removed}"${deleted.length === 0 ? '' : ' and its files'}.`,
    ...kept,
    ...(remaining.length === 0 ? [] : [`Its files are still offered as ${namesText(remaining)}.`]),
  ].join(' ');
}

function namesText(names: readonly string[]): string {
  const more = names.length - mostNames;
  return more > 0 ? `${names.slice(0, mostNames).join(', ')} and ${more} more` : names.join(', ');
}
