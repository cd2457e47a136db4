// The conversations of this browser: open, export, delete.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { ActionButton, Button, Confirm, Note } from '../../components/basics.js';
import { formatDate } from '../../format.js';
import { href, navigate } from '../../router.js';
import { saveAsFile } from '../../save-as-file.js';
import type { Chat } from './chat.js';
import type { Chats } from './chats.js';
import { titleOf } from './conversation.js';
import { fileName, toJson, toMarkdown } from './export.js';

export function HistoryList({
  chats,
  shown,
  onChosen,
}: {
  readonly chats: Chats;
  /** The conversation that is shown. */
  readonly shown: Chat | undefined;
  readonly onChosen?: () => void;
}): JSX.Element {
  const isClearing = useSignal(false);
  const summaries = chats.summaries.value;
  if (summaries.length === 0) return <Note>Conversations are kept in this browser, and nowhere else.</Note>;
  return (
    <div class="history-list">
      <ul>
        {summaries.map(({ id, title, model, updatedAt }) => (
          <li key={id}>
            <a href={href('chat', id)} aria-current={id === shown?.id ? 'page' : undefined} onClick={onChosen}>
              <span class="history-title">{title}</span>
              <span class="muted">
                {chats.receiving.value.has(id) ? <span class="state busy">answering</span> : formatDate(updatedAt)}
                {` · ${model}`}
              </span>
            </a>
            {id === shown?.id ? (
              <HistoryActions chats={chats} chat={shown} {...(onChosen && { onChosen })} />
            ) : undefined}
          </li>
        ))}
      </ul>
      <div class="row">
        <ActionButton label="Export all" kind="plain" action={() => exportAll(chats)} />
        <Button label="Delete all" kind="plain" onClick={() => (isClearing.value = true)} />
      </div>
      {isClearing.value ? (
        <Confirm
          title="Delete all conversations?"
          text={`All ${summaries.length} conversations are deleted from this browser. Answers that are being received are stopped.`}
          action="Delete all"
          run={async () => {
            await chats.removeAll();
            navigate('chat', 'new');
          }}
          onClose={() => (isClearing.value = false)}
        />
      ) : undefined}
    </div>
  );
}

function HistoryActions({
  chats,
  chat,
  onChosen,
}: {
  readonly chats: Chats;
  readonly chat: Chat;
  readonly onChosen?: () => void;
}): JSX.Element {
  const isDeleting = useSignal(false);
  const conversation = chat.conversation.value;
  return (
    <div class="row">
      <span class="muted">Export</span>
      <Button
        label="Markdown"
        hint="Saves this conversation as Markdown"
        kind="plain"
        onClick={() => saveAsFile(fileName(conversation, 'md'), 'text/markdown', toMarkdown(conversation))}
      />
      <Button
        label="JSON"
        hint="Saves this conversation as JSON"
        kind="plain"
        onClick={() => saveAsFile(fileName(conversation, 'json'), 'application/json', toJson([conversation]))}
      />
      <Button
        label="Delete"
        of="this conversation"
        icon="trash"
        iconOnly
        kind="plain"
        onClick={() => (isDeleting.value = true)}
      />
      {isDeleting.value ? (
        <Confirm
          title="Delete this conversation?"
          text={`“${titleOf(conversation)}” is deleted from this browser.`}
          action="Delete"
          run={async () => {
            await chats.remove(chat.id);
            onChosen?.();
            navigate('chat', 'new');
          }}
          onClose={() => (isDeleting.value = false)}
        />
      ) : undefined}
    </div>
  );
}

async function exportAll(chats: Chats): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  saveAsFile(`lamina-chats-${day}.json`, 'application/json', toJson(await chats.all()));
}
