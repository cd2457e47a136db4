// Asks for the API key, when the server wants one.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { storeKey } from '../server/key.js';
import { Button, Problem } from './basics.js';

export function KeyForm({
  problem,
  onEntered,
}: {
  /** What the server said. */
  readonly problem: string;
  readonly onEntered: () => void;
}): JSX.Element {
  const key = useSignal('');
  const remember = useSignal(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (key.value.trim() === '') return;
    storeKey(key.value.trim(), remember.value);
    onEntered();
  };
  return (
    <main class="key-form">
      <h1>Lamina</h1>
      <form onSubmit={submit}>
        <label for="key">API key of this server</label>
        <input
          id="key"
          type="password"
          autocomplete="current-password"
          autofocus
          value={key.value}
          onInput={({ currentTarget }) => (key.value = currentTarget.value)}
        />
        <label class="check">
          <input
            type="checkbox"
            checked={remember.value}
            onChange={({ currentTarget }) => (remember.value = currentTarget.checked)}
          />
          Remember in this browser
        </label>
        <Button label="Connect" kind="primary" type="submit" />
        <Problem text={problem} />
        <p class="note">
          The operator of the server has the key. It is sent in a header, and never part of an address.
        </p>
      </form>
    </main>
  );
}
