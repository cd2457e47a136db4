// A server with the plugin: the fake engine as `tiny`, as `native` one that is known to have the Messages API itself, and as
// `scripted` an engine whose answers a test writes.
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json as readJson } from 'node:stream/consumers';
import type { Plugin } from '@lamina/core';
import { anthropicApi } from '@lamina/plugin-anthropic-api';
import { createServer } from '@lamina/server-koa';
import { createTestLamina, fakeBackend, fakePlugin, type TestLamina } from '@lamina/testing';

/** A chunk of a chat's answer, or what the engine does instead of sending one. */
export type Step = object | 'break off' | Promise<unknown>;

/** The request that an engine got. */
export interface SeenRequest {
  readonly messages: readonly Record<string, unknown>[];
  readonly [parameter: string]: unknown;
}

/** An event of a streamed answer: its name and its data. */
export interface ServerSentEvent {
  readonly event: string | undefined;
  readonly data: Record<string, unknown> & { readonly type: string };
}

const native: Plugin = {
  name: 'native',
  setup: (lamina) => lamina.addBackend({ ...fakeBackend({ type: 'native' }), endpoints: ['messages'] }),
};

/** A plugin that sends requests for Claude to another model. */
const router: Plugin = {
  name: 'router',
  setup: (lamina) =>
    lamina.hooks.beforeRequest.tap((request) =>
      request.model === 'claude' ? { ...request, model: 'scripted' } : undefined,
    ),
};

/** See the first line of this file. */
export class TestApi {
  /** What `scripted` got. */
  readonly seen: SeenRequest[] = [];
  /** What `scripted` answers. */
  script: readonly Step[] = [];
  /** Refuses a request to `scripted`: a status and an error. */
  refuse: (request: SeenRequest) => readonly [number, object] | undefined = () => undefined;

  private constructor(
    readonly lamina: TestLamina,
    readonly url: string,
    private readonly closers: readonly (() => Promise<unknown>)[],
  ) {}

  static async open(options: { translate?: 'missing' | 'always'; heartbeatInterval?: number } = {}): Promise<TestApi> {
    const engine = createHttpServer((request, response) => {
      if (request.url === '/v1/models') response.end('{"data":[{"id":"scripted"}]}');
      else void readJson(request).then((body) => api.#answer(body as SeenRequest, response));
    });
    engine.listen(0, '127.0.0.1');
    await once(engine, 'listening');
    const { translate = 'always', ...serverOptions } = options;
    const fake = { path: 'tiny.fake', backend: 'fake' };
    const lamina = await createTestLamina({
      plugins: [fakePlugin(), native, router, anthropicApi({ translate })],
      files: { 'tiny.fake': 'a fake model' },
      limits: { maxLoaded: 3 },
      manifest: {
        backends: {
          far: { type: 'remote', base_url: `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1` },
        },
        models: {
          tiny: { ...fake, aliases: ['small'] },
          dying: { ...fake, options: { crash: 'mid_stream' } },
          native: { ...fake, backend: 'native' },
          scripted: { backend: 'far' },
        },
      } as never,
    });
    const server = createServer(lamina, { port: 0, ...serverOptions });
    const api = new TestApi(lamina, await server.listen(), [
      () => server.close({ signal: AbortSignal.abort() }),
      () => lamina.close({ signal: AbortSignal.abort() }),
      () => new Promise((resolve) => void engine.close(resolve).closeAllConnections()),
    ]);
    return api;
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
  }

  /** Forgets what the test before did. */
  reset(): void {
    this.seen.splice(0);
    this.script = [text('Hello')];
    this.refuse = () => undefined;
  }

  /** POST /v1/messages, or another route. */
  post(body: object, { path = '/v1/messages', ...init }: RequestInit & { path?: string } = {}): Promise<Response> {
    const headers = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
    return fetch(this.url + path, { method: 'POST', body: JSON.stringify(body), headers, ...init });
  }

  /** The JSON of an answer. */
  async answer(body: object, path?: string) {
    const response = await this.post(withDefaults(body), path === undefined ? {} : { path });
    return JSON.parse(await response.text());
  }

  /** The request that `scripted` gets for this one. */
  async translated(body: object): Promise<SeenRequest> {
    this.seen.splice(0);
    const answer = await this.answer(body);
    if (this.seen.length !== 1)
      throw new Error(`The engine got ${this.seen.length} requests: ${JSON.stringify(answer)}`);
    return this.seen[0]!;
  }

  /** The events of a streamed answer, up to its end. */
  async events(body: object): Promise<ServerSentEvent[]> {
    const response = await this.post({ ...withDefaults(body), stream: true });
    const events: ServerSentEvent[] = [];
    for await (const event of eventsOf(response)) events.push(event);
    return events;
  }

  async #answer(request: SeenRequest, response: ServerResponse): Promise<void> {
    this.seen.push(request);
    const refusal = this.refuse(request);
    if (refusal !== undefined) {
      response.writeHead(refusal[0], { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: refusal[1] }));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    for (const step of this.script) {
      if (step === 'break off') return void response.destroy();
      if (step instanceof Promise) await step;
      else await new Promise((resolve) => response.write(`data: ${JSON.stringify(step)}\n\n`, resolve));
    }
    response.end('data: [DONE]\n\n');
  }
}

/** The events as they arrive, until the answer ends or breaks off. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerSentEvent> {
  let rest = '';
  const bytes = response.body!.pipeThrough(new TextDecoderStream());
  try {
    for await (const piece of bytes) {
      const texts = (rest + piece).split('\n\n');
      rest = texts.pop()!;
      for (const event of texts.filter((one) => !one.startsWith(':'))) yield read(event);
    }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // The server breaks off an answer that is not complete.
  }
}

function read(event: string): ServerSentEvent {
  const [, name, data] = /^(?:event: (.*)\n)?data: (.*)$/.exec(event) ?? [];
  return { event: name, data: JSON.parse(data!) as ServerSentEvent['data'] };
}

function withDefaults(body: object): object {
  return { model: 'scripted', max_tokens: 100, messages: [{ role: 'user', content: 'Hello?' }], ...body };
}

/** Chunks of a chat's answer. */
export const text = (content: string) => ({ choices: [{ index: 0, delta: { content } }] });
export const reasoning = (reasoning_content: string) => ({ choices: [{ index: 0, delta: { reasoning_content } }] });
export const finish = (finish_reason: string) => ({ choices: [{ index: 0, delta: {}, finish_reason }] });
export const usage = (prompt_tokens: number, completion_tokens: number, cached_tokens = 0) => ({
  choices: [],
  usage: { prompt_tokens, completion_tokens, prompt_tokens_details: { cached_tokens } },
});
export const call = (index: number, given: string, more: { id?: string; name?: string } = {}) => ({
  choices: [
    {
      index: 0,
      delta: { tool_calls: [{ index, id: more.id, function: { name: more.name, arguments: given } }] },
    },
  ],
});
