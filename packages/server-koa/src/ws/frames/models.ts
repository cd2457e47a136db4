// The frames of models: what the routes under /models do.
import { modelView, type Lamina } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import { call } from '../call.js';
import type { Peer } from '../peer.js';

/** `model.start` */
export function startModel(frame: ClientFrame<'model.start'>, peer: Peer): void {
  changeModel(frame, peer, ({ runtime }, model, signal) => runtime.start(model, { signal }));
}

/** `model.stop` */
export function stopModel(frame: ClientFrame<'model.stop'>, peer: Peer): void {
  changeModel(frame, peer, ({ runtime }, model, signal) => runtime.stop(model, { signal, reason: 'requested' }));
}

function changeModel(
  { id, model }: ClientFrame<'model.start' | 'model.stop'>,
  peer: Peer,
  work: (lamina: Lamina, model: string, signal: AbortSignal) => Promise<unknown>,
): void {
  const { lamina } = peer;
  const target = lamina.models.resolve(model);
  call(peer, id, async (signal) => {
    await work(lamina, target.served.name, signal);
    return modelView(lamina, lamina.models.get(target.model.name)!);
  });
}
