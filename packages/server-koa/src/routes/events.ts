// GET /events: events as a stream of server-sent events.
import type { ServerResponse } from 'node:http';
import type { Events, LaminaEvent } from '@lamina/core';
import type { Context } from 'koa';
import { EventFeed, type FeedReader } from '../events/feed.js';
import { filterFor } from '../events/filter.js';
import type { HttpRoute, RouteServices } from './route.js';

const eventsQuerySchema = {
  type: 'object',
  properties: {
    types: {
      type: ['string', 'array'],
      items: { type: 'string' },
      description: 'The types to send, with commas between; default: all.',
    },
  },
} as const;

const eventStreamSchema = {
  type: 'string',
  description:
    'Events in JSON, each with its id; asyncapi.json has their schemas. With the header Last-Event-ID, the events after that id are sent first; an event named `reset` says that some are no longer kept.',
} as const;

/**
 * The route. `?types=` lists the types to send, with commas between; with `Last-Event-ID`, the events after that id are
 * sent first.
 */
export function eventRoutes(services: RouteServices): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/events',
      scope: 'any',
      summary: 'Events as server-sent events',
      query: eventsQuerySchema,
      content: { response: { 'text/event-stream': eventStreamSchema } },
      handler({ koa, caller }) {
        const filter = filterFor(caller, typesOf(koa), services.lamina);
        koa.set({ 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache', 'X-Accel-Buffering': 'no' });
        koa.status = 200;
        if (koa.method === 'HEAD') return;
        koa.respond = false;
        koa.res.flushHeaders();
        const { events } = services.lamina;
        const feed = new EventFeed(events, filter, new StreamReader(koa.res, events), lastEventId(koa));
        keepOpen(koa.res, services, feed);
      },
    },
  ];
}

function typesOf({ query }: Context): string[] | undefined {
  const types = [query['types'] ?? []]
    .flat()
    .flatMap((text) => text.split(','))
    .map((type) => type.trim())
    .filter((type) => type !== '');
  return types.length === 0 ? undefined : types;
}

function lastEventId(ctx: Context): string | undefined {
  return ctx.get('last-event-id') || undefined;
}

function keepOpen(response: ServerResponse, { limits, closing }: RouteServices, feed: EventFeed): void {
  response.write(': events of Lamina\n\n');
  // For a client that does not read, heartbeats would pile up.
  const heartbeat = setInterval(
    () => response.writableNeedDrain || response.write(': heartbeat\n\n'),
    limits.heartbeatMs,
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
    private readonly events: Events,
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
    this.response.write(`event: reset\nid: ${this.events.last}\ndata: ${JSON.stringify({ oldest })}\n\n`);
  }
}
