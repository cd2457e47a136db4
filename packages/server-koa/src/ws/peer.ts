// Who is at the other end of a socket, and what serves it.
import type { AddressGuard, Lamina } from '@lamina/core';
import type { Scopes } from '../middleware/authentication.js';
import type { Upstreams } from '../proxy/upstreams.js';
import type { Inbox } from './inbox.js';
import type { Outbox } from './outbox.js';

/** What everything that runs for one connection shares. */
export interface Peer {
  readonly lamina: Lamina;
  readonly upstreams: Upstreams;
  readonly scopes: Scopes;
  /** The headers the connection was asked for with, without keys and cookies: every chat's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  /** Where its downloads may lead. */
  readonly guard: AddressGuard;
}
