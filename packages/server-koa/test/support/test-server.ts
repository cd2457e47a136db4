// A Lamina with its server on a free port, with fake engines that are real processes.
import { join } from 'node:path';
import type { JsonObject, Lamina, LaminaOptions, ModelEntry, Plugin } from '@lamina/core';
import { createTestLamina, fakePlugin, type Behaviour, type FakeEngineState } from '@lamina/testing';
import { createServer, type Server, type ServerOptions } from '@lamina/server-koa';

export interface TestServer {
  readonly lamina: Lamina;
  readonly server: Server;
  readonly url: string;
  readonly modelsDir: string;
  /** Posts JSON. */
  post(path: string, body: unknown, init?: RequestInit): Promise<Response>;
  /** What a fake engine counted. */
  engine(model: string): Promise<FakeEngineState>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  /** Model → how its fake engine behaves. */
  readonly models?: Readonly<Record<string, Behaviour>>;
  /** Manifest entries besides those. */
  readonly entries?: Readonly<Record<string, ModelEntry>>;
  readonly plugins?: readonly Plugin[];
  readonly server?: ServerOptions;
  readonly lamina?: Partial<LaminaOptions>;
}

/** For entries of models that have no file of their own, as `remotePlugin` attaches them. */
export const attached = { path: 'attached', format: 'remote', backend: 'elsewhere' };

/** A Lamina with one model, `tiny`, unless others are named, that listens on a free port. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { models = { tiny: {} }, entries = {} } = options;
  const fakes = Object.entries(models).map(([name, behaviour]): [string, ModelEntry] => [
    name,
    { path: 'model.fake', backend: 'fake', options: behaviour },
  ]);
  const lamina = await createTestLamina({
    files: { 'model.fake': 'a fake model', attached: 'stands for a model that is elsewhere' },
    plugins: [fakePlugin(), ...(options.plugins ?? [])],
    manifest: { models: { ...Object.fromEntries(fakes), ...entries } },
    ...options.lamina,
    limits: { maxLoaded: 4, ...options.lamina?.limits },
  });
  const server = createServer(lamina, { port: 0, ...options.server });
  const url = await server.listen();
  return {
    lamina,
    server,
    url,
    modelsDir: lamina.modelsDir,
    post: (path, body, init = {}) =>
      fetch(url + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init }),
    engine: async (model) =>
      (await (await fetch(`${lamina.runtime.slot(model).origin}/fake/state`)).json()) as FakeEngineState,
    close: async () => {
      const cut = AbortSignal.abort();
      await server.close({ signal: cut });
      await lamina.close({ signal: cut });
    },
  };
}

/** A path in the folder of a testServer. */
export function inside(testServer: TestServer, name: string): string {
  return join(testServer.modelsDir, name);
}

/** The error of an answer; fails when it is none. */
export async function errorOf(
  response: Response,
): Promise<{ message: string; type: string; code: string; param?: string; details?: JsonObject }> {
  const body = (await response.json()) as { error?: { message: string; type: string; code: string } };
  if (body.error === undefined) throw new Error(`no error in ${JSON.stringify(body)}`);
  return body.error;
}

/** Asks again and again until the answer is right; fails after five seconds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A chat request that any model takes. */
export function chat(model: string, text = 'hi', more: object = {}): object {
  return { model, messages: [{ role: 'user', content: text }], ...more };
}
