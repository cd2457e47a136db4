// Asks for the API key, when the server wants one.
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { storeKey } from '../server/key.js';
import { Button, Problem } from './basics.js';

export function KeyForm({
  problem,
  isConnecting,
  onEntered,
}: {
  /** What the server said. */
  readonly problem: string;
  /** Whether a key is being tried. */
  readonly isConnecting: boolean;
  readonly onEntered: () => void;
}): JSX.Element {
  const key = useSignal('');
  const remember = useSignal(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (isConnecting) return;
    field.current?.focus();
    field.current?.select();
  }, [isConnecting]);
  const submit = (event: Event): void => {
    event.preventDefault();
    if (key.value.trim() === '' || isConnecting) return;
    storeKey(key.value.trim(), remember.value);
    onEntered();
  };
  return (
    <main class="gate">
      <h1>Lamina</h1>
      <form onSubmit={submit}>
        <label for="key">API key of this server</label>
        <input
          ref={field}
          id="key"
          type="password"
          autocomplete="current-password"
          aria-describedby="key-note"
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
        <Button label={isConnecting ? 'Connecting' : 'Connect'} kind="primary" type="submit" disabled={isConnecting} />
        {isConnecting ? undefined : <Problem text={problem} />}
        <p class="note" id="key-note">
          The operator of the server has the key. It is sent in a header, and never part of an address.
        </p>
      </form>
    </main>
  );
}
