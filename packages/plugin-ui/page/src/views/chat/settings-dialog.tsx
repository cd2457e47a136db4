// What a conversation sends besides its messages.
import type { JSX } from 'preact';
import { Dialog, Note } from '../../components/basics.js';
import type { Chat } from './chat.js';
import type { Settings } from './conversation.js';

const numbers = [
  {
    name: 'temperature',
    label: 'Temperature',
    hint: '0 is the most likely answer, 1 is varied',
    min: 0,
    max: 2,
    step: 0.1,
  },
  {
    name: 'top_p',
    label: 'Top p',
    hint: 'Only the most likely tokens, up to this probability',
    min: 0,
    max: 1,
    step: 0.05,
  },
  { name: 'max_tokens', label: 'Max tokens', hint: 'Where an answer is cut off', min: 1, max: undefined, step: 1 },
  { name: 'seed', label: 'Seed', hint: 'The same seed gives the same answer', min: 0, max: undefined, step: 1 },
] as const;

export function SettingsDialog({ chat, onClose }: { readonly chat: Chat; readonly onClose: () => void }): JSX.Element {
  const { settings } = chat.conversation.value;
  const change = <Name extends keyof Settings>(name: Name, value: Settings[Name]): void => {
    const { [name]: _before, ...others } = chat.conversation.value.settings;
    chat.configure({ settings: { ...others, ...(value === undefined ? {} : { [name]: value }) } });
  };
  return (
    <Dialog title="Settings of this conversation" onClose={onClose}>
      <div class="chat-settings">
        <label for="chat-system">System prompt</label>
        <textarea
          id="chat-system"
          rows={4}
          value={settings.system ?? ''}
          placeholder="Instructions for the model"
          onInput={({ currentTarget: { value } }) => change('system', value.trim() === '' ? undefined : value)}
        />
        {numbers.map(({ name, label, hint, min, max, step }) => (
          <div key={name} class="number-setting">
            <label for={`chat-${name}`}>{label}</label>
            <input
              id={`chat-${name}`}
              type="number"
              min={min}
              max={max}
              step={step}
              defaultValue={settings[name]?.toString() ?? ''}
              placeholder="default"
              aria-describedby={`chat-${name}-hint`}
              onInput={({ currentTarget }) => change(name, validNumber(currentTarget))}
            />
            <span id={`chat-${name}-hint`} class="muted">
              {hint}
            </span>
          </div>
        ))}
        <Note>For the next answers. What is empty is left to the engine.</Note>
      </div>
    </Dialog>
  );
}

/** A number within the limits of its field; the browser shows what is wrong with another one. */
function validNumber(input: HTMLInputElement): number | undefined {
  const { valueAsNumber: value, validity } = input;
  if (Number.isNaN(value) || validity.rangeUnderflow || validity.rangeOverflow) return undefined;
  return input.step === '1' && !Number.isInteger(value) ? undefined : value;
}
