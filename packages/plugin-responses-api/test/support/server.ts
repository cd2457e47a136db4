// A server with the plugin, the fake engine and an engine whose answers the test writes.
import { once } from 'node:events';
import { createServer as createHttpServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import { responsesApi } from '../../dist/index.js';

/** JSON of which the test knows what is in it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads members of responses as it expects them
export type Loose = any;

/** What the engine of the model `scripted` answers to a chat. */
export interface Script {
  /** Deltas, in their order. */
  readonly deltas: readonly object[];
  readonly finish?: string;
  readonly usage?: object;
  /** It answers when this resolves, or with an error when this rejects. Default: at once. */
  readonly after?: Promise<void>;
}

export const keys = ['key-of-one', 'key-of-another'] as const;

/** See the first line of this file. Models: `tiny` and `dying` of the fake engine, `scripted`, and `refusing`. */
export class ResponsesServer {
  /** The chats that the engine of `scripted` got. */
  readonly chats: Loose[] = [];
  script: Script = { deltas: [{ content: 'Hello' }] };
  url = '';
  lamina!: TestLamina;
  #engine: Server | undefined;
  #close: (() => Promise<void>) | undefined;

  async open(options: Pick<ServerOptions, 'heartbeatInterval'> = {}): Promise<void> {
    this.#engine = createHttpServer((request, response) => {
      if (request.method === 'GET') return void response.end('{"data":[]}');
      void json(request).then((chat) => {
        this.chats.push(chat);
        void answer(response, this.script);
      });
    });
    this.#engine.listen(0, '127.0.0.1');
    await once(this.#engine, 'listening');
    const base_url = `http://127.0.0.1:${(this.#engine.address() as AddressInfo).port}/v1`;
    const fake = (options: object) => ({ path: 'model.fake', backend: 'fake', options });
    this.lamina = await createTestLamina({
      plugins: [fakePlugin(), responsesApi()],
      files: { 'model.fake': 'a fake model' },
      limits: { maxLoaded: 4 },
      manifest: {
        backends: { far: { type: 'remote', base_url } },
        models: {
          tiny: fake({}),
          dying: fake({ crash: 'mid_stream' }),
          refusing: fake({ status: 418 }),
          scripted: { backend: 'far' },
        },
      } as never,
    });
    const server = createServer(this.lamina, { port: 0, apiKeys: keys.map((key) => ({ key })), ...options });
    this.url = await server.listen();
    this.#close = () => server.close({ signal: AbortSignal.timeout(1000) });
  }

  async close(): Promise<void> {
    await this.#close?.();
    await this.lamina.close();
    this.#engine?.closeAllConnections();
    this.#engine?.close();
  }

  /** Sends a request; its model is `scripted`, unless it names another. */
  post(body: object, key: string = keys[0], signal?: AbortSignal): Promise<Response> {
    return fetch(`${this.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'scripted', ...body }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** The JSON of a response. */
  async create(body: object, key?: string): Promise<Loose> {
    return (await this.post(body, key)).json();
  }

  /** The events of a streamed response. */
  async stream(body: object): Promise<Loose[]> {
    return eventsIn(await (await this.post({ input: 'Hi', ...body, stream: true })).text());
  }
}

/** The events in the text of a stream. Each has its type as name. */
export function eventsIn(text: string): Loose[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) => {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!;
      const event = JSON.parse(data!) as { type: string };
      if (event.type !== name) throw new Error(`The event ${event.type} has the name ${name!}.`);
      return event;
    });
}

async function answer(response: ServerResponse, { deltas, finish = 'stop', usage, after }: Script): Promise<void> {
  try {
    await after;
  } catch {
    return void response.writeHead(500).end('{"error":{"message":"No memory is left"}}');
  }
  const choices = [...deltas.map((delta) => ({ index: 0, delta })), { index: 0, delta: {}, finish_reason: finish }];
  const chunks: object[] = choices.map((choice) => ({ choices: [choice] }));
  if (usage !== undefined) chunks.push({ choices: [], usage });
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end([...chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`), 'data: [DONE]\n\n'].join(''));
}

/** A delta with a piece of a tool call; the first piece of a call has its id and name. */
export function callPiece(index: number, text: string, id?: string, name?: string): object {
  return {
    tool_calls: [{ index, ...(id === undefined ? {} : { id }), function: { ...(name && { name }), arguments: text } }],
  };
}
