// The stand-in for MLC-LLM, in a virtual environment of its own, and helpers to start it in tests.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LaminaError, type JsonObject, type Logger, type Model, type ModelServer } from '@lamina/core/plugin';
import { mlcBackend } from '../dist/backend.js';
import type { ModelOptions } from '../dist/options.js';
import { file, modelOf, writeModel } from './model.js';

const installer = fileURLToPath(new URL('../test/stand-in/install.sh', import.meta.url));
const hasPython = spawnSync('python3', ['-c', 'import venv'], { stdio: 'ignore' }).status === 0;

/** A suite on the stand-in, which is a Python program; skipped without Python, with the reason in its title. */
export function describeStandIn(title: string, body: (this: Mocha.Suite) => void): void {
  if (hasPython) describe(title, body);
  else describe.skip(`${title} (skipped: there is no python3 with venv in PATH)`, body);
}

/** One start: its settings besides the model. */
export interface StartParts {
  readonly options?: ModelOptions;
  readonly env?: Readonly<Record<string, string>>;
  readonly instance?: Readonly<Record<string, unknown>>;
}

/** A running server, with its output and its reported stages. */
export interface Started {
  readonly server: ModelServer;
  readonly lines: readonly string[];
  readonly stages: readonly string[];
}

/**
 * A folder with the stand-in, models and a cache for compiled libraries; `close` stops the servers and
 * removes the folder.
 */
export class Ground {
  private readonly servers: ModelServer[] = [];
  readonly executable: string;
  readonly env: Readonly<Record<string, string | undefined>>;

  private constructor(readonly folder: string) {
    this.executable = execFileSync('sh', [installer, join(folder, 'venv')], { encoding: 'utf8' }).trim();
    this.env = { ...process.env, MLC_LLM_HOME: join(folder, 'home'), MLC_TEMP_DIR: folder };
  }

  static async open(): Promise<Ground> {
    return new Ground(await mkdtemp(join(tmpdir(), 'lamina-mlc-')));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes a model that responds `I am <name>.` and returns it in the form of core. */
  async model(name = 'mia', config: object = {}): Promise<Model> {
    await writeModel(this.path(name), `I am ${name}.`, config);
    return modelOf({ name, files: [file('weights', this.path(name))], metadata: { contextLength: 4096 } });
  }

  async start(model: Model, { options = {}, env = {}, instance = {} }: StartParts = {}): Promise<Started> {
    const lines: string[] = [];
    const stages: string[] = [];
    const backend = mlcBackend().create('mlc', { executable: this.executable, ...instance });
    const server = await backend.start(model, {
      signal: AbortSignal.timeout(15_000),
      log: quiet,
      env: { ...this.env, ...env },
      options: { device: 'cpu', ...options },
      adapters: [],
      progress: ({ stage }) => void (stages.at(-1) === stage || stages.push(stage)),
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
    await Promise.all(this.servers.map((server) => server.stop({ reason: 'shutdown', signal: AbortSignal.abort() })));
    await rm(this.folder, { recursive: true });
  }
}

/** Sends a request to a running server with its key. */
export function post(server: ModelServer, route: string, body: JsonObject, signal?: AbortSignal): Promise<Response> {
  const { baseUrl, headers = {} } = server.endpoint();
  const sent = { ...headers, 'content-type': 'application/json', connection: 'close' };
  return fetch(`${baseUrl}/${route}`, {
    method: 'POST',
    headers: sent,
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
}

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};
