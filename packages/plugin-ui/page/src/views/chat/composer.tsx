// Where a message is written, with its images and files.
import { useSignal } from '@preact/signals';
import type { JSX, TargetedEvent } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ServedModels } from '@lamina/core/protocol';
import { Button, Problem } from '../../components/basics.js';
import { readAttachments } from './attachments.js';
import { emptyDraft, type Chat, type Draft } from './chat.js';
import type { Question } from './conversation.js';
import { canSee } from './models.js';

export interface ComposerProps {
  readonly chat: Chat;
  readonly served: ServedModels | undefined;
  readonly model: string;
  readonly mayAsk: boolean;
  readonly onSend: (question: Question) => void;
}

export function Composer({ chat, served, model, mayAsk, onSend }: ComposerProps): JSX.Element {
  const picker = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const problems = useSignal<readonly string[]>([]);
  const draft = chat.draft.value;
  const running = chat.running.value;
  const seesImages = canSee(served, model);
  useEffect(() => {
    // On a phone, the keyboard would cover the conversation.
    if (!isTouch()) box.current?.focus({ preventScroll: true });
  }, []);
  const change = (changed: Partial<Draft>): void => {
    chat.draft.value = { ...chat.draft.value, ...changed };
  };
  const attach = async (files: FileList | undefined): Promise<void> => {
    const added = await readAttachments([...(files ?? [])], seesImages);
    problems.value = added.problems;
    const { images, files: texts } = chat.draft.value;
    change({ images: [...images, ...added.images], files: [...texts, ...added.files] });
  };
  const isEmpty = draft.text.trim() === '' && draft.images.length === 0 && draft.files.length === 0;
  const isBusy = running !== undefined || chat.elsewhere.value !== undefined;
  const send = (): void => {
    if (isEmpty || isBusy || !mayAsk) return;
    chat.draft.value = emptyDraft;
    problems.value = [];
    onSend({ role: 'user', ...draft });
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        void attach(event.dataTransfer?.files);
      }}
    >
      <Attached draft={draft} onChange={change} />
      {problems.value.map((text) => (
        <Problem key={text} text={text} />
      ))}
      <textarea
        ref={box}
        aria-label="Message"
        placeholder={isTouch() ? 'Message' : 'Message. Enter sends, Shift-Enter begins a new line.'}
        rows={2}
        value={draft.text}
        onInput={({ currentTarget }) => change({ text: currentTarget.value })}
        onKeyDown={(event) => {
          if (!isSendKey(event)) return;
          event.preventDefault();
          send();
        }}
        onPaste={(event) => {
          if (event.clipboardData?.files.length) void attach(event.clipboardData.files);
        }}
      />
      <div class="row">
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          onChange={({ currentTarget }) => {
            void attach(currentTarget.files ?? undefined).finally(() => (picker.current!.value = ''));
          }}
        />
        <Button
          label="Attach"
          icon="attach"
          iconOnly
          kind="plain"
          hint={seesImages ? 'Attach images or text files' : 'Attach text files. This model does not take images.'}
          onClick={() => picker.current?.click()}
        />
        <span class="composer-end">
          {running === undefined ? (
            <Button
              label="Send"
              icon="send"
              kind="primary"
              type="submit"
              disabled={isEmpty || isBusy || !mayAsk}
              hint={mayAsk ? undefined : 'Needs a model, and a key with the scope inference.'}
            />
          ) : (
            <Button label="Stop" icon="stop" onClick={() => running.stop()} />
          )}
        </span>
      </div>
    </form>
  );
}

function Attached({
  draft,
  onChange,
}: {
  readonly draft: Draft;
  readonly onChange: (changed: Partial<Draft>) => void;
}): JSX.Element | undefined {
  const { images, files } = draft;
  if (images.length === 0 && files.length === 0) return undefined;
  const without = <T,>(all: readonly T[], index: number): readonly T[] => all.filter((_, other) => other !== index);
  return (
    <ul class="attached">
      {images.map((url, index) => (
        <li key={`image ${index}`}>
          <img src={url} alt={`Attached image ${index + 1}`} />
          <Button
            label="Remove"
            of={`image ${index + 1}`}
            icon="close"
            iconOnly
            kind="plain"
            onClick={() => onChange({ images: without(images, index) })}
          />
        </li>
      ))}
      {files.map(({ name }, index) => (
        <li key={`file ${index}`}>
          <span>{name}</span>
          <Button
            label="Remove"
            of={name}
            icon="close"
            iconOnly
            kind="plain"
            onClick={() => onChange({ files: without(files, index) })}
          />
        </li>
      ))}
    </ul>
  );
}

/** Enter, not while an input method composes. On a touch screen it begins a new line, as people expect there. */
function isSendKey({ key, shiftKey, isComposing, keyCode }: TargetedEvent<HTMLElement, KeyboardEvent>): boolean {
  // Safari reports the end of a composition before its Enter, with this code.
  return key === 'Enter' && !shiftKey && !isComposing && keyCode !== 229 && !isTouch();
}

function isTouch(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}
