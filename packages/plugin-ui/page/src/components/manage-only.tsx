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
  readonly children?: ComponentChildren;
}): JSX.Element | undefined {
  if (session.mayManage.value) return <>{children}</>;
  // Every key has a scope, so they are not known yet.
  if (session.scopes.value.length === 0) return undefined;
  return <Note>{`${what} needs a key with the scope manage.`}</Note>;
}
