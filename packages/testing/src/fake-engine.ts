// The fake engine, a real process: started directly, as a backend, or as a plugin.
import { fileURLToPath } from 'node:url';
import {
  type BackendType,
  type MemoryEstimate,
  type Model,
  type Plugin,
  type ServerInfo,
  type StartedServer,
  definePlugin,
  processBackend,
} from '@lamina/core/plugin';
import { behaviourSchema, type Behaviour } from './fake-engine/behaviour.js';

const program = fileURLToPath(new URL('./fake-engine/main.js', import.meta.url));
const bytesPerToken = 1_024;

/** The options of {@link fakeEngine}. */
export interface FakeEngineOptions {
  /** Name of the model; responses begin with it. */
  readonly model: string;
  /** Port on 127.0.0.1. Default: a free one, which it prints (`listening on http://127.0.0.1:<port>`). */
  readonly port?: number;
  /** Model file; loading fails if it does not exist or begins with `broken`. Default: none. */
  readonly file?: string;
  /** API key for `/v1/*`. Default: none. */
  readonly key?: string;
  /** Whether the key is passed in the environment (default) or on the command line, as for MLC-LLM. */
  readonly keyIn?: 'environment' | 'arguments';
  readonly behaviour?: Behaviour;
}

/**
 * The command line of a fake engine.
 * @example
 * ```ts
 * const { executable, args, env } = fakeEngine({ model: 'tiny' });
 * const child = spawn(executable, args, { env: { ...process.env, ...env } });
 * ```
 */
export function fakeEngine(options: FakeEngineOptions): {
  executable: string;
  args: string[];
  env: Record<string, string>;
} {
  const { model, port = 0, file, key, keyIn = 'environment', behaviour = {} } = options;
  const args = [program, '--model', model, '--port', String(port), '--behaviour', JSON.stringify(behaviour)];
  if (file !== undefined) args.push('--file', file);
  if (key !== undefined && keyIn === 'arguments') args.push('--api-key', key);
  return {
    executable: process.execPath,
    args,
    env: key !== undefined && keyIn === 'environment' ? { FAKE_ENGINE_KEY: key } : {},
  };
}

/** The options of {@link fakeBackend}. */
export interface FakeBackendOptions {
  /** Name of the backend type. Default `fake`. */
  readonly type?: string;
  /** Model formats. Default `fake`. */
  readonly formats?: readonly string[];
  /** Default behaviour of its engines; options of the instance and the model override it. */
  readonly behaviour?: Behaviour;
  /** Like {@link FakeEngineOptions.keyIn}. */
  readonly keyIn?: 'environment' | 'arguments';
}

/** A backend type with fake engines. Its model options are those of {@link Behaviour}. */
export function fakeBackend(given: FakeBackendOptions = {}): BackendType {
  const { type = 'fake', formats = ['fake'], behaviour = {}, keyIn = 'environment' } = given;
  return processBackend({
    type,
    formats,
    defaults: behaviour,
    modelOptions: behaviourSchema,
    executable: process.execPath,
    version: { args: [program, '--version'], parse: ({ stdout }) => /\d[\d.]*/.exec(stdout)?.[0] },
    estimateMemory: (model, options) => Promise.resolve(estimate(model, options)),
    command: ({ model, adapters, options, port, key }) => {
      const ids = options.ids ?? (adapters.length > 0 ? [model, ...adapters].map(({ name }) => name) : undefined);
      return fakeEngine({
        model: model.name,
        port,
        key,
        keyIn,
        file: model.files[0]!.path,
        behaviour: { ...options, ...(ids === undefined ? {} : { ids }) },
      });
    },
    ready: behaviour.no_health === true ? '/v1/models' : '/health',
    explain: (lines) => lines.findLast((line) => /^(error|fatal): /.test(line))?.replace(/^\w+: /, ''),
    progress: readProgress,
    inspect,
    sleep: async (server, signal) => void (await server.request('/sleep', { method: 'POST', signal })),
    wake: async (server, signal) => void (await server.request('/wake_up', { method: 'POST', signal })),
  });
}

/** A plugin for tests: the backend type `fake`, whose models are files that end in `.fake`. */
export function fakePlugin(options: FakeBackendOptions = {}): Plugin {
  const factory = definePlugin({
    name: 'fake',
    setup(lamina) {
      lamina.addBackend(fakeBackend(options));
      lamina.hooks.describeModel.tap((model) =>
        model.files[0]?.path.endsWith('.fake') ? { ...model, format: 'fake' } : undefined,
      );
    },
  });
  return factory();
}

function estimate(model: Model, options: Behaviour): MemoryEstimate {
  const contextLength = options.context_length ?? 4_096;
  const bytes = model.files.reduce((sum, file) => sum + file.bytes, contextLength * bytesPerToken);
  return { hostBytes: options.memory_bytes ?? bytes, deviceBytes: {}, contextLength };
}

function readProgress(line: string): { stage: string; ratio: number } | undefined {
  const percent = /^loading: (\d+) %$/.exec(line)?.[1];
  return percent === undefined ? undefined : { stage: 'loading', ratio: Number(percent) / 100 };
}

async function inspect({ model, adapters, request }: StartedServer): Promise<ServerInfo> {
  const info = (await request('/fake/info')) as { context_length: number; parallel?: number; ids?: string[] };
  const names = [model, ...adapters].map(({ name }) => name);
  const ids = info.ids && Object.fromEntries(names.map((name, index) => [name, info.ids![index] ?? info.ids![0]!]));
  return {
    contextLength: info.context_length,
    ...(info.parallel === undefined ? {} : { parallel: info.parallel }),
    ...(ids === undefined ? {} : { ids }),
  };
}
