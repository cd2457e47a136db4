// A real llama-server for tests: found on the machine, started as core starts it, and always stopped.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { LaminaError, type JsonObject, type Logger, type Model, type ModelServer } from '@lamina/core/plugin';
import { llamaCppBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';

/** The llama-server of this machine: from LAMINA_LLAMA_SERVER, else the one in PATH. */
export const llamaServer =
  process.env['LAMINA_LLAMA_SERVER'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'llama-server'))
    .find(existsSync);

/** A suite that needs the real engine; skipped without one, with the reason in its title. */
export function describeReal(title: string, body: () => void): void {
  if (llamaServer === undefined)
    describe.skip(`${title} (skipped: there is no llama-server in PATH, and LAMINA_LLAMA_SERVER names none)`, body);
  else describe(title, body);
}

/** One start: its settings besides the model, and its output. */
export interface StartParts {
  readonly options?: ModelOptions;
  readonly adapters?: readonly Model[];
  /** Options of the backend instance. */
  readonly instance?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server, with its output and its reported stages. */
export interface Started {
  readonly server: ModelServer;
  readonly lines: readonly string[];
  readonly stages: readonly string[];
}

/** A folder for models and the servers of a test; `close` removes the folder and stops the servers. */
export class Ground {
  private readonly servers: ModelServer[] = [];

  private constructor(readonly folder: string) {}

  static async open(): Promise<Ground> {
    return new Ground(await mkdtemp(join(tmpdir(), 'lamina-llamacpp-')));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Starts a model with one thread and a short context, unless the options say otherwise. */
  async start(
    model: Model,
    { options = {}, adapters = [], instance = {}, env = {} }: StartParts = {},
  ): Promise<Started> {
    const lines: string[] = [];
    const stages: string[] = [];
    const backend = llamaCppBackend().create('llama.cpp', { executable: llamaServer, ...instance });
    const server = await backend.start(model, {
      signal: AbortSignal.timeout(15_000),
      log: quiet,
      env: { ...process.env, ...env },
      options: { threads: 1, context_length: 512, ...options },
      adapters,
      progress: ({ stage }) => void stages.push(stage),
      output: (_stream, text) => void lines.push(text),
      guard: () => () => undefined,
    });
    this.servers.push(server);
    return { server, lines, stages };
  }

  /** The reason of a start that must fail. */
  async reasonOf(model: Model, parts: StartParts = {}): Promise<string> {
    try {
      await this.start(model, parts);
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

/** Sends a request to a running server as Lamina would; returns status and JSON. */
export async function post(
  server: ModelServer,
  route: string,
  body: JsonObject,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const { baseUrl, headers = {} } = server.endpoint();
  const response = await fetch(`${baseUrl}/${route}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

/** The text of a chat response. */
export async function chat(server: ModelServer, body: JsonObject = {}): Promise<string> {
  const { status, json } = await post(server, 'chat/completions', {
    messages: [{ role: 'user', content: 'Hello?' }],
    max_tokens: 32,
    ...body,
  });
  assert.equal(status, 200, JSON.stringify(json));
  return (json['choices'] as { message: { content: string } }[])[0]!.message.content;
}

/** A log that nobody reads. */
export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};
