// What a conversation is called, the model of its next answer, and its settings.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { Button, Dialog } from '../../components/basics.js';
import { Icon } from '../../components/icons.js';
import { href } from '../../router.js';
import type { Chat } from './chat.js';
import type { Chats } from './chats.js';
import { titleOf } from './conversation.js';
import { HistoryList } from './history-list.js';
import { rememberModel, type ModelChoice } from './models.js';
import { SettingsDialog } from './settings-dialog.js';

export function ChatHeader({
  chats,
  chat,
  choices,
  model,
}: {
  readonly chats: Chats;
  readonly chat: Chat;
  readonly choices: readonly ModelChoice[];
  readonly model: string;
}): JSX.Element {
  const dialog = useSignal<'settings' | 'history' | undefined>(undefined);
  const close = (): void => {
    dialog.value = undefined;
  };
  const set = Object.keys(chat.conversation.value.settings).length;
  return (
    <header class="chat-header">
      <h1 tabIndex={-1}>{titleOf(chat.conversation.value)}</h1>
      <ModelSelect
        choices={choices}
        model={model}
        onChange={(name) => {
          rememberModel(name);
          chat.configure({ model: name });
        }}
      />
      <Button
        label={set === 0 ? 'Settings' : `Settings (${set})`}
        icon="settings"
        onClick={() => (dialog.value = 'settings')}
      />
      <span class="only-narrow">
        <Button label="History" icon="history" onClick={() => (dialog.value = 'history')} />
      </span>
      <a class="button" href={href('chat', 'new')}>
        <Icon name="plus" />
        <span>New</span>
      </a>
      {dialog.value === 'settings' ? <SettingsDialog chat={chat} onClose={close} /> : undefined}
      {dialog.value === 'history' ? (
        <Dialog title="Conversations" onClose={close}>
          <HistoryList chats={chats} shown={chat} onChosen={close} />
        </Dialog>
      ) : undefined}
    </header>
  );
}

function ModelSelect({
  choices,
  model,
  onChange,
}: {
  readonly choices: readonly ModelChoice[];
  readonly model: string;
  readonly onChange: (name: string) => void;
}): JSX.Element {
  const isKnown = choices.some(({ name }) => name === model);
  const group = (label: string, isAvailable: boolean): JSX.Element | undefined => {
    const members = choices.filter((choice) => choice.isAvailable === isAvailable);
    return members.length === 0 ? undefined : (
      <optgroup label={label}>
        {members.map(({ name, state }) => (
          <option key={name} value={name} selected={name === model}>
            {`${name} · ${isAvailable ? state : 'not on disk'}`}
          </option>
        ))}
      </optgroup>
    );
  };
  return (
    <select
      class="model-select"
      aria-label="Model"
      value={model}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    >
      {isKnown ? undefined : <option value={model}>{model || 'No model'}</option>}
      {group('Available', true)}
      {group('Not available now', false)}
    </select>
  );
}
