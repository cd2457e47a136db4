// GET /events: what happens, as a stream of server-sent events.
import type { ServerResponse } from 'node:http';
import type { Lamina, LaminaEvent } from '@lamina/core';
import type { Router, RouterContext } from '@koa/router';
import { EventFeed, type FeedReader } from '../events/feed.js';
import { filterFor } from '../events/filter.js';
import { requireKey, scopesOf } from '../middleware/authentication.js';

/** What the route needs. */
export interface EventRoute {
  readonly lamina: Lamina;
  /** Milliseconds between two comments that keep a quiet stream alive. */
  readonly heartbeatMs: number;
  /** Ends every stream. */
  readonly closing: AbortSignal;
}

/**
 * Adds the route. `?types=` names the types that are wanted, with commas between; `Last-Event-ID` asks for those after
 * an id first.
 */
export function eventRoutes(router: Router, route: EventRoute): void {
  router.get('/events', (ctx) => {
    requireKey(ctx);
    const filter = filterFor(scopesOf(ctx), typesOf(ctx));
    ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' });
    ctx.status = 200;
    if (ctx.method === 'HEAD') return;
    ctx.respond = false;
    ctx.res.flushHeaders();
    const feed = new EventFeed(route.lamina.events, filter, new StreamReader(ctx.res, route.lamina), lastEventId(ctx));
    endWith(ctx.res, route, feed);
  });
}

function typesOf({ query }: RouterContext): string[] | undefined {
  const types = [query['types'] ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .map((type) => type.trim())
    .filter((type) => type !== '');
  return types.length === 0 ? undefined : types;
}

function lastEventId(ctx: RouterContext): string | undefined {
  return ctx.get('last-event-id') || undefined;
}

function endWith(response: ServerResponse, { heartbeatMs, closing }: EventRoute, feed: EventFeed): void {
  response.write(': events of Lamina\n\n');
  // A reader that takes nothing needs no sign of life, and would only have them pile up.
  const heartbeat = setInterval(
    () => response.writableNeedDrain || response.write(': still here\n\n'),
    heartbeatMs,
  ).unref();
  const stop = (): void => {
    feed.stop();
    clearInterval(heartbeat);
    closing.removeEventListener('abort', end);
  };
  // Before the end: a write after it is an error event, which nobody handles.
  const end = (): void => {
    stop();
    response.end();
  };
  response.once('close', stop);
  if (closing.aborted) end();
  else closing.addEventListener('abort', end, { once: true });
}

// Events have no name of their own, so that one listener hears all of them; `type` is in the data. Only a reset is
// named.
class StreamReader implements FeedReader {
  constructor(
    private readonly response: ServerResponse,
    private readonly lamina: Lamina,
  ) {}

  get full(): boolean {
    return this.response.writableNeedDrain;
  }

  onDrain(run: () => void): void {
    this.response.once('drain', run);
  }

  event(event: LaminaEvent): void {
    this.response.write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  // The id is one from which a client that comes back misses nothing again.
  reset(oldest: string): void {
    this.response.write(`event: reset\nid: ${this.lamina.events.last}\ndata: ${JSON.stringify({ oldest })}\n\n`);
  }
}
