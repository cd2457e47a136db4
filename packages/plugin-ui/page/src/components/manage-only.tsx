// Something that needs a key with the scope `manage`.
import type { ComponentChildren, JSX } from 'preact';
import type { Session } from '../server/session.js';
import { Note } from './basics.js';

/** Shows its children when the key has the scope `manage`, and says so when it does not. */
export function ManageOnly({
  session,
  what,
  children,
}: {
  readonly session: Session;
  /** What needs it, at the beginning of a sentence. */
  readonly what: string;
  readonly children: ComponentChildren;
}): JSX.Element | undefined {
  if (session.mayManage.value) return <>{children}</>;
  // The scopes are not known yet.
  if (session.connection.value === 'connecting') return undefined;
  return <Note>{`${what} needs a key with the scope manage.`}</Note>;
}
