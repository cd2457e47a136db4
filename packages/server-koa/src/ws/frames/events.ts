// The frames of event subscriptions.
import { LaminaError, type LaminaEvent } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import { EventFeed } from '../../events/feed.js';
import { filterFor } from '../../events/filter.js';
import type { Peer } from '../peer.js';

/** `events.subscribe` */
export function subscribe({ id, types, since }: ClientFrame<'events.subscribe'>, peer: Peer): void {
  const { caller, lamina, outbox, tasks } = peer;
  const filter = filterFor(caller, types, lamina);
  tasks.begin(id, { kind: 'subscription', abort: () => feed?.stop() });
  outbox.send({ type: 'reply', id, result: { last: lamina.events.last } });
  const reader = {
    get full() {
      return outbox.full;
    },
    onDrain: (run: () => void) => outbox.onDrain(run),
    event: (event: LaminaEvent) => outbox.send({ type: 'event', id, event }),
    reset: (oldest: string) => outbox.send({ type: 'reset', id, oldest }),
  };
  const feed = new EventFeed(lamina.events, filter, reader, since);
}

/** `events.unsubscribe` */
export function unsubscribe({ id }: ClientFrame<'events.unsubscribe'>, { tasks }: Peer): void {
  const subscription = tasks.get(id, 'subscription');
  if (subscription === undefined)
    throw new LaminaError('REQUEST_INVALID', {
      message: `There is no subscription "${id}" on this connection.`,
      param: 'id',
    });
  subscription.abort(new LaminaError('ABORTED', {}));
  tasks.end(id, { type: 'reply', id, result: {} });
}
