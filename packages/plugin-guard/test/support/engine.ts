// An engine whose answers a test writes, a Lamina that uses it as a remote, and a server in front of it.
import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { JsonObject, Lamina, LaminaOptions, Plugin } from '@lamina/core';
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { createTestLamina } from '@lamina/testing';

/** What the engine answers: one body, or the chunks of a stream. `hold` keeps the stream open after its last chunk. */
export interface Reply {
  readonly body?: object;
  readonly chunks?: readonly object[];
  readonly hold?: boolean;
  /** Called with the text of the request. */
  onBody?(text: string): void;
}

export interface Stage {
  readonly lamina: Lamina;
  readonly url: string;
  /** Set it before a request. */
  reply: Reply;
  /** The last request as the engine received it. */
  seen: JsonObject;
  post(path: string, body: object, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export const messages = [{ role: 'user', content: 'hi' }];

export async function startStage(
  plugins: readonly Plugin[],
  more: { lamina?: Partial<LaminaOptions>; server?: ServerOptions } = {},
): Promise<Stage> {
  const state = { reply: {} as Reply, seen: {} as JsonObject };
  const engine = createHttpServer((request, response) => void answer(request, response, state));
  engine.listen(0, '127.0.0.1');
  await once(engine, 'listening');
  const base_url = `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
  const lamina = await createTestLamina({
    plugins: [...plugins],
    manifest: { backends: { far: { type: 'remote', base_url } }, models: { far: { backend: 'far' } } },
    ...more.lamina,
  });
  const server = createServer(lamina, { port: 0, ...more.server });
  const url = await server.listen();
  return Object.assign(state, {
    lamina,
    url,
    post: (path: string, body: object, init: RequestInit = {}) =>
      fetch(url + path, { method: 'POST', body: JSON.stringify({ model: 'far', ...body }), ...init }),
    async close() {
      const cut = AbortSignal.abort();
      await server.close({ signal: cut });
      await lamina.close({ signal: cut });
      engine.closeAllConnections();
      engine.close();
      await once(engine, 'close');
    },
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  stage: Pick<Stage, 'reply' | 'seen'>,
): Promise<void> {
  if (request.method === 'GET') return void response.end(JSON.stringify({ data: [{ id: 'far' }] }));
  const sent = await text(request);
  stage.seen = JSON.parse(sent) as JsonObject;
  const { body, chunks = [], hold } = stage.reply;
  stage.reply.onBody?.(sent);
  if (body !== undefined) {
    response.setHeader('content-type', 'application/json');
    return void response.end(JSON.stringify(body));
  }
  response.setHeader('content-type', 'text/event-stream');
  response.flushHeaders();
  for (const chunk of chunks as readonly { type?: string }[])
    response.write(`${chunk.type === undefined ? '' : `event: ${chunk.type}\n`}data: ${JSON.stringify(chunk)}\n\n`);
  if (hold === true) return;
  const isTyped = (chunks[0] as { type?: string } | undefined)?.type !== undefined;
  response.end(isTyped ? '' : 'data: [DONE]\n\n');
}

/** The chunks of a chat for these pieces of a text, with a finish chunk and token counts as the client asked. */
export function chatChunks(pieces: readonly string[], usage?: object): object[] {
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    id: 'one',
    object: 'chat.completion.chunk',
    model: 'far',
    choices: [{ index: 0, delta, finish_reason }],
  });
  return [
    chunk({ role: 'assistant', content: '' }),
    ...pieces.map((content) => chunk({ content })),
    chunk({}, 'stop'),
    ...(usage === undefined ? [] : [{ ...chunk({}), choices: [], usage }]),
  ];
}

/** The data of the events of a stream. */
export function eventsIn(stream: string): JsonObject[] {
  return [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data!) as JsonObject);
}
