// A Lamina with fake engines behind its server, for tests of the client.
import type { LaminaOptions, Plugin } from '@lamina/core';
import { createServer, type ServerOptions } from '@lamina/server-koa';
import { createTestLamina, fakePlugin, type Behaviour, type TestLamina } from '@lamina/testing';

export interface TestServer {
  readonly lamina: TestLamina;
  readonly url: string;
  close(): Promise<void>;
}

export interface TestServerOptions {
  /** Model → how its fake engine behaves. */
  readonly models: Readonly<Record<string, Behaviour>>;
  readonly plugins?: readonly Plugin[];
  readonly server?: ServerOptions;
  readonly lamina?: Partial<LaminaOptions>;
}

/** Starts a server on a free port. */
export async function startTestServer({
  models,
  plugins = [],
  server: options,
  lamina: more,
}: TestServerOptions): Promise<TestServer> {
  const entries = Object.entries(models).map(([name, behaviour]) => [name, { path: 'model.fake', options: behaviour }]);
  const lamina = await createTestLamina({
    files: { 'model.fake': 'a fake model' },
    plugins: [fakePlugin(), ...plugins],
    manifest: { models: Object.fromEntries(entries) },
    ...more,
    limits: { maxLoaded: 4, ...more?.limits },
  });
  const server = createServer(lamina, { port: 0, ...options });
  const url = await server.listen();
  return {
    lamina,
    url,
    async close() {
      const signal = AbortSignal.abort();
      await server.close({ signal });
      await lamina.close({ signal });
    },
  };
}
