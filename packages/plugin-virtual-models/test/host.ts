// A server with the plugin and the fake engine.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer } from '@lamina/server-koa';
import {
  createTestLamina,
  fakePlugin,
  type FakeEngineState,
  type TestLamina,
  type TestLaminaOptions,
} from '@lamina/testing';
import { virtualModels } from '../dist/index.js';

export type Json = Readonly<Record<string, unknown>>;

/** The result of {@link openHost}. */
export interface Host {
  readonly lamina: TestLamina;
  readonly url: string;
  request(path: string, body: object): Promise<Response>;
  /** The answer to a POST, which must be 200. */
  post(path: string, body: object): Promise<unknown>;
  get(path: string): Promise<unknown>;
  /** What the fake engine of a model counted. */
  engine(model: string): Promise<FakeEngineState>;
  /** Writes models.yaml and applies it. */
  reload(manifest: string): Promise<void>;
  close(): Promise<void>;
}

/** Starts the server on a free port. */
export async function openHost(options: TestLaminaOptions): Promise<Host> {
  const lamina = await createTestLamina({ ...options, plugins: [fakePlugin(), virtualModels()] });
  const server = createServer(lamina, { port: 0 });
  const url = await server.listen();
  const request = (path: string, body: object) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  return {
    lamina,
    url,
    request,
    post: async (path, body) => answerOf(await request(path, body)),
    get: async (path) => answerOf(await fetch(url + path)),
    engine: async (model) =>
      (await (await fetch(`${lamina.runtime.slot(model).origin}/fake/state`)).json()) as FakeEngineState,
    async reload(manifest) {
      await writeFile(join(lamina.modelsDir, 'models.yaml'), manifest);
      await lamina.models.reload();
    },
    async close() {
      const cut = AbortSignal.abort();
      await server.close({ signal: cut });
      await lamina.close({ signal: cut });
    },
  };
}

async function answerOf(response: Response): Promise<unknown> {
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text);
}
