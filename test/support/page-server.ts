// A server with fake engines and the page, and the requests that tests send to it.
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type TestLamina } from '@lamina/testing';
import type { Plugin } from '@lamina/core';

/** A server that listens. `close` ends it and its Lamina. */
export interface Served {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves a Lamina on a free port. */
export async function serve(lamina: TestLamina, options: ServerOptions = {}): Promise<Served> {
  const server = createServer(lamina, { port: 0, ...options });
  return {
    url: await server.listen(),
    async close() {
      const closed = server.close();
      await lamina.close();
      await closed;
    },
  };
}

/** A server with the models `tiny`, whose answers end, and `broken`, which does not start. */
export interface PageServer extends Served {
  /** Sends a chat, and resolves with its status when it has ended. */
  chat(request: object, signal?: AbortSignal): Promise<number>;
}

/** Starts a server without keys. */
export async function startPageServer(plugins: readonly Plugin[]): Promise<PageServer> {
  const lamina = await createTestLamina({
    plugins: [fakePlugin(), ...plugins],
    files: { 'model.fake': 'x' },
    manifest: {
      models: {
        tiny: { path: 'model.fake', backend: 'fake', options: { chunks: 20, chunk_ms: 5 } },
        broken: { path: 'model.fake', backend: 'fake', options: { exit_code: 3, stderr: ['fatal: no memory'] } },
      },
    },
  });
  const { url, close } = await serve(lamina);
  return {
    url,
    close,
    async chat(request, signal) {
      const body = JSON.stringify({ messages: [{ role: 'user', content: 'Hello?' }], stream: true, ...request });
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, ...(signal && { signal }) });
      await response.text();
      return response.status;
    },
  };
}
