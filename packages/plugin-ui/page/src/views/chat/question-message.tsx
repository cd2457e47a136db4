// A message of the user, which can be changed and sent again.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { Button, CopyButton } from '../../components/basics.js';
import { pure } from '../../components/pure.js';
import type { Question } from './conversation.js';
import { PlainText } from './markdown/plain-text.js';

interface QuestionMessageProps {
  readonly index: number;
  readonly question: Question;
  readonly mayEdit: boolean;
  readonly onEdit: (index: number, text: string) => void;
}

export const QuestionMessage = pure(({ index, question, mayEdit, onEdit }: QuestionMessageProps): JSX.Element => {
  const isEditing = useSignal(false);
  const { text, images, files } = question;
  return (
    <article class="message question">
      <h2>You</h2>
      {images.length === 0 ? undefined : (
        <div class="row">
          {images.map((url, number) => (
            <img key={number} src={url} alt={`Attached image ${number + 1}`} />
          ))}
        </div>
      )}
      {files.map((file, number) => (
        <details key={number}>
          <summary>{file.name}</summary>
          <PlainText text={file.text} />
        </details>
      ))}
      {isEditing.value ? (
        <Edit
          text={text}
          onCancel={() => (isEditing.value = false)}
          onSend={(changed) => {
            isEditing.value = false;
            onEdit(index, changed);
          }}
        />
      ) : (
        <>
          {text === '' ? undefined : <PlainText text={text} />}
          <div class="message-actions">
            <CopyButton text={() => text} label={`Copy message ${index + 1}`} iconOnly />
            <Button
              label="Edit"
              of={`message ${index + 1}`}
              icon="edit"
              iconOnly
              kind="plain"
              disabled={!mayEdit}
              onClick={() => (isEditing.value = true)}
            />
          </div>
        </>
      )}
    </article>
  );
});

function Edit({
  text,
  onSend,
  onCancel,
}: {
  readonly text: string;
  readonly onSend: (text: string) => void;
  readonly onCancel: () => void;
}): JSX.Element {
  const changed = useSignal(text);
  return (
    <form
      class="message-edit"
      onSubmit={(event) => {
        event.preventDefault();
        if (changed.value.trim() !== '') onSend(changed.value);
      }}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onCancel();
      }}
    >
      <textarea
        aria-label="Changed message"
        rows={3}
        autofocus
        value={changed.value}
        onInput={({ currentTarget }) => (changed.value = currentTarget.value)}
      />
      <div class="row">
        <Button label="Send" kind="primary" type="submit" hint="What follows this message is removed" />
        <Button label="Cancel" onClick={onCancel} />
        <span class="muted">What follows this message is removed.</span>
      </div>
    </form>
  );
}
