// A server with Ollama's API in front of fake engines, and of a remote engine that answers what a test tells it.
import { once } from 'node:events';
import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelCapability, Plugin } from '@lamina/core/plugin';
import { createServer, type Server } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type TestLamina, type TestLaminaOptions } from '@lamina/testing';
import { ollamaApi } from '../dist/index.js';

/** Parsed JSON, which tests assert. */
type Parsed = ReturnType<typeof JSON.parse>;

/** A response. */
export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  /** The lines, or the one object, as JSON. */
  readonly lines: readonly Parsed[];
}

/** The remote engine: what it was asked, and how it answers the next chats and completions. */
export interface ScriptedEngine {
  readonly requests: { readonly path: string; readonly body: Parsed }[];
  /** The chunks of the next answers, or what writes one. */
  answer: readonly object[] | ((response: ServerResponse) => void);
}

/** Fake model → what it can do; of others nothing is known. */
const capabilities: Readonly<Record<string, readonly ModelCapability[]>> = {
  plain: ['chat'],
  thinker: ['chat', 'tools', 'reasoning', 'vision'],
};

const describer: Plugin = {
  name: 'describer',
  setup(lamina) {
    lamina.hooks.describeModel.tap((model) => {
      const known = capabilities[model.name];
      return known === undefined ? undefined : { ...model, metadata: { capabilities: known } };
    });
  },
};

/** A running server. */
export class OllamaServer {
  private constructor(
    readonly lamina: TestLamina,
    readonly url: string,
    readonly engine: ScriptedEngine,
    private readonly closers: readonly (() => Promise<unknown>)[],
  ) {}

  /**
   * The models: `tiny` (fake), `plain`, `thinker` and `scripted` (remote), and those of `options`. `heartbeatInterval` in
   * seconds.
   */
  static async open(options: TestLaminaOptions = {}, heartbeatInterval = 15): Promise<OllamaServer> {
    const engine: ScriptedEngine = { requests: [], answer: [] };
    const remote = createHttpServer((request, response) => {
      let text = '';
      request.on('data', (part: Buffer) => (text += part.toString()));
      request.on('end', () => answer(engine, request.url!, text, response));
    });
    remote.listen(0, '127.0.0.1');
    await once(remote, 'listening');
    const base_url = `http://127.0.0.1:${(remote.address() as AddressInfo).port}/v1`;
    const { manifest, files, plugins = [], ...rest } = options;
    const far = { path: 'remote', format: 'remote', backend: 'far' };
    const lamina = await createTestLamina({
      limits: { maxLoaded: 4 },
      ...rest,
      files: { 'tiny.fake': 'a fake model', ...files },
      plugins: [fakePlugin(), describer, ollamaApi(), ...plugins],
      manifest: {
        backends: { far: { type: 'remote', base_url } },
        ...(manifest as object),
        models: {
          tiny: { path: 'tiny.fake', aliases: ['Little'] },
          ...Object.fromEntries(['plain', 'thinker', 'scripted'].map((name) => [name, far])),
          ...(manifest as { models?: object } | undefined)?.models,
        },
      } as never,
    });
    const server: Server = createServer(lamina, { port: 0, heartbeatInterval });
    const closers = [
      () => server.close({ signal: AbortSignal.abort() }),
      () => lamina.close({ signal: AbortSignal.abort() }),
      () => {
        remote.closeAllConnections();
        return new Promise((resolve) => remote.close(resolve));
      },
    ];
    return new OllamaServer(lamina, await server.listen(), engine, closers);
  }

  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    const response = await fetch(new URL(path, this.url), {
      method,
      headers: { ...headers, connection: 'close' },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return { status: response.status, type, text, lines: type.includes('json') && text !== '' ? linesIn(text) : [] };
  }

  post(path: string, body: unknown): Promise<Reply> {
    return this.send('POST', path, body);
  }

  /** The one object of a response that is not streamed. */
  async one(path: string, body: object): Promise<Parsed> {
    return (await this.post(path, { stream: false, ...body })).lines[0];
  }

  async close(): Promise<void> {
    for (const close of this.closers) await close();
  }
}

/** Every line is JSON: a blank one breaks clients. */
function linesIn(text: string): object[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => JSON.parse(line) as object);
}

function answer(engine: ScriptedEngine, path: string, text: string, response: ServerResponse): void {
  if (path === '/v1/models') {
    const data = ['plain', 'thinker', 'scripted'].map((id) => ({ id }));
    return void response.end(JSON.stringify({ data }));
  }
  const body = JSON.parse(text) as object;
  engine.requests.push({ path, body });
  if (typeof engine.answer === 'function') return engine.answer(response);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(engine.answer.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join(''));
}

/** Chunks of a chat with these deltas, of which the last has ended. */
export function chatChunks(deltas: readonly object[], finish_reason = 'stop'): object[] {
  return [
    ...deltas.map((delta) => ({ choices: [{ index: 0, delta, finish_reason: undefined }] })),
    { choices: [{ index: 0, delta: {}, finish_reason }] },
  ];
}
