// The frames that clients may send, as one table: the schema that is checked, the scope that is required, and what runs.
import { LaminaError, type Schema, type Scope } from '@lamina/core';
import { clientFrameSchemas, type ClientFrame, type ClientFrameType } from '@lamina/core/protocol';
import type { Chats } from '../chats/chats.js';
import type { Peer } from '../peer.js';
import { cancelDownload, startDownload } from './downloads.js';
import { subscribe, unsubscribe } from './events.js';
import { startModel, stopModel } from './models.js';

/** What a frame needs and does. */
export interface FrameRow<Frame = ClientFrame> {
  /** The scope that the client's key must have; `any`: every valid key may send the frame. */
  readonly scope: Scope | 'any';
  /** Whether the frame may be as large as the body of an inference request; others have at most 1 MiB. */
  readonly isLarge?: boolean;
  /**
   * Handles a frame that passed the checks; what it throws is sent as `error`. The memory of a large frame counts as used
   * until the promise settles, which never rejects.
   */
  run(frame: Frame, peer: Peer): void | Promise<void>;
}

/** A row with its schema. */
export interface KnownFrame extends FrameRow<never> {
  readonly schema: Schema;
}

type OwnFrames = { readonly [Type in ClientFrameType]: FrameRow<ClientFrame<Type>> };

/** The frames of Lamina; their schemas are in the contract. */
const ownFrames = (chats: Chats): OwnFrames => ({
  'chat.start': { scope: 'inference', isLarge: true, run: (frame, peer) => chats.start(frame, peer) },
  'chat.cancel': { scope: 'inference', run: cancelChat },
  'chat.resume': { scope: 'inference', run: (frame, peer) => chats.resume(frame, peer) },
  'events.subscribe': { scope: 'any', run: subscribe },
  'events.unsubscribe': { scope: 'any', run: unsubscribe },
  'model.start': { scope: 'manage', run: startModel },
  'model.stop': { scope: 'manage', run: stopModel },
  'download.start': { scope: 'manage', run: startDownload },
  'download.cancel': { scope: 'manage', run: cancelDownload },
  ping: { scope: 'any', run: ({ id }, { outbox }) => outbox.send({ type: 'pong', id }) },
});

/** Type of frame → what it needs and does. */
export type FrameTable = ReadonlyMap<string, KnownFrame>;

/** The frames of a server. */
export function frameTable(chats: Chats): FrameTable {
  const rows = Object.entries(ownFrames(chats)) as [ClientFrameType, FrameRow<never>][];
  return new Map(rows.map(([type, row]) => [type, { ...row, schema: clientFrameSchemas[type] }]));
}

function cancelChat({ id }: ClientFrame<'chat.cancel'>, { tasks }: Peer): void {
  tasks.get(id, 'chat')?.abort(new LaminaError('ABORTED', {}));
}
