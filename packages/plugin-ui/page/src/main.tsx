// The entry point of the page.
import { signal } from '@preact/signals';
import { render, type JSX } from 'preact';
import { App } from './app.js';
import { KeyForm } from './components/key-form.js';
import { followAddress } from './router.js';
import { forgetKey, storedKey } from './server/key.js';
import { Session } from './server/session.js';
import { followTheme } from './theme.js';

/** The page is in the folder `ui/` of the server. */
const base = new URL('../', document.baseURI);

const session = signal<Session | undefined>(undefined);
/** Why a key is needed. */
const refusal = signal('');

function open(): void {
  const opened = new Session(base, storedKey(), (message) => {
    if (session.value !== opened) return;
    refusal.value = message;
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
  if (session.value === undefined) return <KeyForm problem={refusal.value} onEntered={open} />;
  return <App session={session.value} onForgetKey={storedKey() === undefined ? undefined : forget} />;
}

followTheme();
followAddress();
open();
render(<Page />, document.body);
