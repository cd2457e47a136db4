// GET /events: events as a stream of server-sent events.
import type { ServerResponse } from 'node:http';
import type { Lamina, LaminaEvent } from '@lamina/core';
import type { Router, RouterContext } from '@koa/router';
import { EventFeed, type FeedReader } from '../events/feed.js';
import { filterFor } from '../events/filter.js';
import { callerOf, requireKey } from '../middleware/authentication.js';

/** What the route needs. */
export interface EventRouteOptions {
  readonly lamina: Lamina;
  /** Milliseconds between two comments, which keep an idle stream open. */
  readonly heartbeatMs: number;
  /** Ends every stream. */
  readonly closing: AbortSignal;
}

/**
 * Adds the route. `?types=` lists the types to send, with commas between; with `Last-Event-ID`, the events after that id
 * are sent first.
 */
export function eventRoutes(router: Router, route: EventRouteOptions): void {
  router.get('/events', (ctx) => {
    requireKey(ctx);
    const filter = filterFor(callerOf(ctx), typesOf(ctx), route.lamina);
    ctx.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' });
    ctx.status = 200;
    if (ctx.method === 'HEAD') return;
    ctx.respond = false;
    ctx.res.flushHeaders();
    const feed = new EventFeed(route.lamina.events, filter, new StreamReader(ctx.res, route.lamina), lastEventId(ctx));
    keepOpen(ctx.res, route, feed);
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

function keepOpen(response: ServerResponse, { heartbeatMs, closing }: EventRouteOptions, feed: EventFeed): void {
  response.write(': events of Lamina\n\n');
  // For a client that does not read, heartbeats would pile up.
  const heartbeat = setInterval(
    () => response.writableNeedDrain || response.write(': heartbeat\n\n'),
    heartbeatMs,
  ).unref();
  const stop = (): void => {
    feed.stop();
    clearInterval(heartbeat);
    closing.removeEventListener('abort', end);
  };
  // Stops first, because a write after the end is an error.
  const end = (): void => {
    stop();
    response.end();
  };
  response.once('close', stop);
  if (closing.aborted) end();
  else closing.addEventListener('abort', end, { once: true });
}

// Events are unnamed, so that one listener gets all of them; `type` is in the data. Only a reset has a name.
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

  // The id lets a client that reconnects continue from here.
  reset(oldest: string): void {
    this.response.write(`event: reset\nid: ${this.lamina.events.last}\ndata: ${JSON.stringify({ oldest })}\n\n`);
  }
}
