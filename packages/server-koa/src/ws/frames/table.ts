// The frames that clients may send, as one table: the schema that is checked, the scope that is required, and what runs.
import { LaminaError, type Schema, type Scope } from '@lamina/core';
import { clientFrameSchemas, clientFrameScopes, type ClientFrame, type ClientFrameType } from '@lamina/core/protocol';
import { visibleTo } from '../../middleware/redaction.js';
import type { CallResult } from '../call.js';
import type { Chats } from '../chats/chats.js';
import type { Peer } from '../peer.js';
import { changeDownload, listDownloads, searchModels, startDownload } from './downloads.js';
import { createEmbeddings } from './embeddings.js';
import { subscribe, unsubscribe } from './events.js';
import { changeModel, engineLog, getModel, listModels, modelsInUse, suggestModel } from './models.js';

/** One of two functions: `call` for a frame with one reply, `run` for any other. */
export type FrameRow<Frame> = {
  /** Whether the frame may be as large as the body of an inference request; others have at most 1 MiB. */
  readonly isLarge?: boolean;
} & (
  | {
      /** Returns what is sent as `reply`; what it throws is sent as `error`. The signal is aborted by `call.cancel`. */
      call(frame: Frame, peer: Peer, signal: AbortSignal): CallResult;
    }
  | {
      /**
       * Handles a frame; what it throws is sent as `error`. The memory of a large frame counts as used until the promise
       * settles, which never rejects.
       */
      run(frame: Frame, peer: Peer): void | Promise<void>;
    }
);

/** A row with what is checked before. */
export type KnownFrame = FrameRow<never> & {
  readonly schema: Schema;
  /** The scope that the client's key must have; `any`: every valid key may send the frame. */
  readonly scope: Scope | 'any';
};

/** Type of frame → what it needs and does. */
export type FrameTable = ReadonlyMap<string, KnownFrame>;

type OwnFrames = { readonly [Type in ClientFrameType]: FrameRow<ClientFrame<Type>> };

/** The frames of Lamina; their schemas and scopes are in the contract. */
const ownFrames = (chats: Chats): OwnFrames => ({
  'chat.start': { isLarge: true, run: (frame, peer) => chats.start(frame, peer) },
  'chat.cancel': { run: ({ id }, peer) => cancel(id, 'chat', peer) },
  'chat.resume': { run: (frame, peer) => chats.resume(frame, peer) },
  'events.subscribe': { run: subscribe },
  'events.unsubscribe': { run: unsubscribe },
  'embeddings.create': { isLarge: true, call: createEmbeddings },
  'model.list': { call: listModels },
  'model.get': { call: getModel },
  'model.ps': { call: modelsInUse },
  'model.logs': { call: engineLog },
  'model.suggest': { call: suggestModel },
  'model.search': { call: searchModels },
  'model.start': { call: changeModel },
  'model.stop': { call: changeModel },
  'download.start': { call: startDownload },
  'download.list': { call: listDownloads },
  'download.pause': { call: changeDownload },
  'download.resume': { call: changeDownload },
  'download.cancel': { call: changeDownload },
  'call.cancel': { run: ({ id }, peer) => cancel(id, 'call', peer) },
  ping: { run: ({ id }, { outbox }) => outbox.send({ type: 'pong', id }) },
});

/** The frames of a server: its own, and those of plugins. */
export function frameTable(chats: Chats, contributed: readonly (readonly [string, KnownFrame])[]): FrameTable {
  const rows = Object.entries(ownFrames(chats)) as [ClientFrameType, FrameRow<never>][];
  const own = rows.map(
    ([type, row]) =>
      [type, { ...redacted(row), schema: clientFrameSchemas[type], scope: clientFrameScopes[type] }] as const,
  );
  return new Map([...own, ...contributed]);
}

/**
 * A row whose reply has only what the caller may see. What a plugin replies may be the text of a model, in which a path
 * is only a word, so it is sent as it is.
 */
function redacted(row: FrameRow<never>): FrameRow<never> {
  if (!('call' in row)) return row;
  return { ...row, call: async (frame, peer, signal) => visibleTo(peer.caller, await row.call(frame, peer, signal)) };
}

function cancel(id: string, kind: 'chat' | 'call', { tasks }: Peer): void {
  tasks.get(id, kind)?.abort(new LaminaError('ABORTED', {}));
}
