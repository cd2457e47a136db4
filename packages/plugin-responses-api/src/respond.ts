// Responds to POST /v1/responses. A complete response is the one in the last event of its stream.
import type { ChatStream, Clock, WireError } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';
import type { ResponsesBody } from './body.js';
import { ResponseEvents, type ResponseEvent } from './events.js';
import { ownerOf, type RecentItems } from './recent-items.js';
import { readRequest } from './request.js';

/** Returns the response, or streams its events. @throws LaminaError `REQUEST_INVALID`, and what reading a chat throws */
export async function respond(ctx: HttpContext, recent: RecentItems, clock: Clock): Promise<object | undefined> {
  const body = ctx.body as ResponsesBody;
  const owner = ownerOf(ctx.koa.req.headers);
  const request = readRequest(body, (id) => recent.get(owner, id));
  const events = new ResponseEvents(body, clock);
  const run = async function* (): AsyncGenerator<ResponseEvent, void> {
    try {
      yield* eventsOf(ctx.lamina.chat(request, { id: ctx.id }), events);
    } finally {
      // Also of a response that was cut off: its client may go on from there.
      if (body.store !== false) recent.add(owner, events.output);
    }
  };
  if (body.stream !== true) return wholeResponse(run());
  const onError = (error: WireError): string => written(events.failed(error));
  // A client that has waited gets the first events, so that it can read a failure, and then comments.
  const onSilence = (): string => [...events.begin()].map(written).concat(': waiting\n\n').join('');
  await ctx.stream(asText(run()), { as: 'sse', onSilence, onError, endAfterError: true });
  return undefined;
}

async function* eventsOf(chat: ChatStream, events: ResponseEvents): AsyncGenerator<ResponseEvent, void> {
  for await (const part of chat.parts()) yield* events.add(part);
  yield* events.end(chat);
}

async function wholeResponse(events: AsyncIterable<ResponseEvent>): Promise<object | undefined> {
  let response: object | undefined;
  for await (const event of events) response = event.response;
  return response;
}

async function* asText(events: AsyncIterable<ResponseEvent>): AsyncGenerator<string, void> {
  for await (const event of events) yield written(event);
}

function written(event: ResponseEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
