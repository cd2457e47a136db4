// The real embedded engine for tests: installed beforehand, started as core starts it, and always stopped.
import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  LaminaError,
  type JsonObject,
  type Logger,
  type Model,
  type ModelFile,
  type ModelServer,
} from '@lamina/core/plugin';
import { embeddedBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';

/** The directory where node-llama-cpp is installed, as scripts/get-embedded.mjs prints it. */
export const engineDirectory = process.env['LAMINA_EMBEDDED'];

/** A suite that needs the real engine; skipped without one, with the reason in its title. */
export function describeReal(title: string, body: (this: Mocha.Suite) => void): void {
  if (engineDirectory === undefined)
    describe.skip(
      `${title} (skipped: LAMINA_EMBEDDED is not set to the directory of node-llama-cpp; scripts/get-embedded.mjs installs it)`,
      body,
    );
  else describe(title, body);
}

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** A model as core passes it to a backend. */
export async function modelOf(path: string, parts: Partial<Model> = {}): Promise<Model> {
  const bytes = await stat(path).then(
    ({ size }) => size,
    () => 0,
  );
  const files: ModelFile[] = [{ role: 'weights', path, bytes }];
  return {
    name: 'tiny',
    files,
    format: 'gguf',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'manifest',
    ...parts,
  };
}

/** A folder for models and the servers of a test; `close` removes the folder and stops the servers. */
export class Ground {
  private readonly servers: ModelServer[] = [];

  private constructor(readonly folder: string) {}

  static async open(): Promise<Ground> {
    return new Ground(await mkdtemp(join(tmpdir(), 'lamina-embedded-')));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Starts a model with one thread and a short context, unless the options say otherwise. */
  async start(
    model: Model,
    options: ModelOptions = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<ModelServer> {
    const backend = embeddedBackend(this.folder).create('embedded', { directory: engineDirectory, env });
    const server = await backend.start(model, {
      signal: AbortSignal.timeout(40_000),
      log: quiet,
      env: process.env,
      options: { threads: 1, context_length: 512, ...options },
      adapters: [],
      progress: () => undefined,
      output: () => undefined,
      guard: () => () => undefined,
    });
    this.servers.push(server);
    return server;
  }

  /** The reason of a start that must fail. */
  async reasonOf(model: Model, options: ModelOptions = {}): Promise<string> {
    try {
      await this.start(model, options);
    } catch (error) {
      assert.ok(LaminaError.is(error, 'MODEL_START_FAILED'), String(error));
      return String(error.details['reason']);
    }
    return assert.fail('The model started.');
  }

  async close(): Promise<void> {
    await Promise.all(
      this.servers.map((server) => server.stop({ reason: 'shutdown', signal: AbortSignal.timeout(2_000) })),
    );
    await rm(this.folder, { recursive: true });
  }
}

/** Sends a request to a running server as Lamina would. */
export function send(server: ModelServer, route: string, body: JsonObject, signal?: AbortSignal): Promise<Response> {
  const { baseUrl, headers = {} } = server.endpoint();
  return fetch(`${baseUrl}/${route}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** The status and JSON of a response. */
export async function post(server: ModelServer, route: string, body: JsonObject) {
  const response = await send(server, route, body);
  return { status: response.status, json: JSON.parse(await response.text()) };
}

/** The `data` of each event of a streamed response. */
export async function events(server: ModelServer, route: string, body: JsonObject): Promise<string[]> {
  const text = await (await send(server, route, { ...body, stream: true })).text();
  return [...text.matchAll(/^data: (.*)$/gm)].map(([, data]) => data!);
}

/** How many requests the engine is processing. */
export async function busy(server: ModelServer): Promise<number> {
  const response = await fetch(new URL('/health', server.endpoint().baseUrl), { headers: { connection: 'close' } });
  return ((await response.json()) as { busy: number }).busy;
}
