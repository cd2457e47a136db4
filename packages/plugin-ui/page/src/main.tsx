// The entry point of the page.
import { signal } from '@preact/signals';
import { render, type JSX } from 'preact';
import { App } from './app.js';
import { KeyForm } from './components/key-form.js';
import { Refused } from './components/refused.js';
import { followAddress } from './router.js';
import { forgetKey, storedKey } from './server/key.js';
import { Session, type Refusal } from './server/session.js';
import { followTheme } from './theme.js';

/** The page is in the folder `ui/` of the server. */
const base = new URL('../', document.baseURI);

const session = signal<Session | undefined>(undefined);
/** Why the server refused the last session; it stays until another one is connected. */
const refusal = signal<Refusal | undefined>(undefined);

function open(): void {
  const opened = new Session(base, storedKey(), (refused) => {
    if (session.value !== opened) return;
    refusal.value = refused;
    close();
  });
  session.value = opened;
}

function close(): void {
  session.value?.close();
  session.value = undefined;
}

function forget(): void {
  forgetKey();
  close();
  open();
}

function Page(): JSX.Element {
  const { value: current } = session;
  const isConnecting = current?.connection.value === 'connecting';
  if (current === undefined || (isConnecting && refusal.value !== undefined)) {
    const { message, needsKey } = refusal.value!;
    if (!needsKey) return <Refused problem={message} onRetry={open} />;
    return <KeyForm problem={message} isConnecting={isConnecting} onEntered={open} />;
  }
  // With the session as the key, nothing of the page is left of another one.
  return <App key={current} session={current} onForgetKey={storedKey() === undefined ? undefined : forget} />;
}

followTheme();
followAddress();
open();
render(<Page />, document.body);
