// The frame of embeddings: what POST /v1/embeddings does.
import type { EmbedRequest } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import type { Peer } from '../peer.js';

/** `embeddings.create` */
export async function createEmbeddings(
  { request }: ClientFrame<'embeddings.create'>,
  { lamina, caller, headers }: Peer,
  signal: AbortSignal,
): Promise<object> {
  const { embeddings, ...rest } = await lamina.embed(request as EmbedRequest, { signal, caller, headers });
  const data = embeddings.map((embedding, index) => ({ object: 'embedding', index, embedding }));
  return { object: 'list', data, ...rest };
}
