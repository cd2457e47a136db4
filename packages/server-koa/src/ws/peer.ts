// What everything that runs for one WebSocket connection shares.
import type { AddressGuard, Lamina, RequestHeaders } from '@lamina/core';
import type { NetworkCaller } from '../middleware/authentication.js';
import type { Inbox } from './inbox.js';
import type { Outbox } from './outbox.js';
import type { Tasks } from './tasks.js';

/** The client of a connection, and what serves it. */
export interface Peer {
  readonly lamina: Lamina;
  readonly caller: NetworkCaller;
  /** Identifies the client's key; the same for all clients without one. */
  readonly owner: string;
  /** The headers of the handshake, which its chats are sent with. */
  readonly headers: RequestHeaders;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly tasks: Tasks;
  /** Limits the addresses of its downloads. */
  readonly guard: AddressGuard;
}
