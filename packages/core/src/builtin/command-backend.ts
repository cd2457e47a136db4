// The backend type `command`: any server that speaks OpenAI's API, by the command line that starts it.
import type { BackendType, ServerInfo } from '../contract/backends.js';
import type { FromSchema } from '../contract/schema.js';
import type { Launch, ProcessDescription, StartedServer } from '../process/description.js';
import { processBackend } from '../process/process-backend.js';
import { fillIn, wordsOf } from './words.js';

/** What `backends.<name>` may say with `type: command`. */
export const commandOptions = {
  type: 'object',
  properties: {
    command: {
      type: 'string',
      minLength: 1,
      description:
        'The command line: `${PORT}`, `${MODEL_PATH}`, `${MODEL}` (its name) and `${KEY}` (a secret made for each start) are filled in. It runs without a shell.',
    },
    formats: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      description: 'The formats of models it opens: `gguf`, `safetensors`, …',
    },
    health: {
      type: 'string',
      pattern: '^/',
      description: 'The path that answers 200 once the model is loaded.',
      default: '/v1/models',
    },
    ready_log: {
      type: 'string',
      minLength: 1,
      description:
        'A regular expression; before a line it prints matches, `health` is not asked. For servers that answer too early.',
    },
    base_path: {
      type: 'string',
      pattern: '^/',
      description: 'Below which path its OpenAI routes are.',
      default: '/v1',
    },
    env: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description:
        'Environment variables for it; the same placeholders are filled in. The place for `${KEY}`, which everybody can read on a command line.',
    },
    cwd: { type: 'string', minLength: 1, description: 'The directory it runs in.' },
    install: {
      type: 'string',
      minLength: 1,
      description: 'How to get it: a sentence, shown when it is not on this machine.',
    },
  },
  required: ['command', 'formats'],
  additionalProperties: false,
} as const;

const modelOptions = {
  type: 'object',
  properties: {
    extra_args: {
      type: 'array',
      items: { type: 'string' },
      description: 'Arguments put behind the command, with the same placeholders.',
    },
  },
  additionalProperties: false,
} as const;

type CommandOptions = FromSchema<typeof commandOptions>;

/** Makes the backend type `command`. */
export function commandBackend(): BackendType {
  return {
    type: 'command',
    formats: [],
    options: commandOptions,
    modelOptions,
    lifetime: 'owned',
    create(name, given) {
      const options = given as CommandOptions;
      const [executable, ...words] = wordsOf(options.command);
      return {
        ...processBackend(descriptionOf(options, words)).create(name, { executable }),
        formats: options.formats,
      };
    },
  };
}

function descriptionOf(options: CommandOptions, words: readonly string[]): ProcessDescription {
  const { formats, health, ready_log, base_path, env = {}, cwd, install } = options;
  const takesKey = [...words, ...Object.values(env)].some((text) => text.includes('${KEY}'));
  return {
    type: 'command',
    formats,
    executable: 'sh', // Never looked for: an instance always names its own.
    version: false,
    ...(install === undefined ? {} : { install }),
    command: (launch) => {
      const values = valuesOf(launch);
      const args = [...words, ...((launch.options as FromSchema<typeof modelOptions>).extra_args ?? [])];
      const filled = Object.fromEntries(
        Object.entries(env).map(([variable, text]) => [variable, fillIn(text, values)]),
      );
      return { args: args.map((word) => fillIn(word, values)), env: filled, ...(cwd === undefined ? {} : { cwd }) };
    },
    ...(health === undefined ? {} : { ready: health }),
    ...(ready_log === undefined ? {} : { readyLine: new RegExp(ready_log) }),
    ...(base_path === undefined ? {} : { basePath: base_path }),
    identity: takesKey ? `${base_path ?? '/v1'}/models` : false,
    inspect: (server, { signal }) => inspect(server, `${base_path ?? '/v1'}/models`, signal),
  };
}

function valuesOf({ model, port, key }: Launch<unknown>): Readonly<Record<string, string>> {
  const path = model.files.find(({ role }) => role === 'weights')?.path;
  return { PORT: String(port), MODEL: model.name, KEY: key, ...(path === undefined ? {} : { MODEL_PATH: path }) };
}

/**
 * A server with one model is asked for it by the name it has there, whatever that is. One that lists none is taken at
 * its word.
 */
async function inspect({ model, request }: StartedServer, path: string, signal: AbortSignal): Promise<ServerInfo> {
  try {
    const { data } = (await request(path, { signal })) as { data: readonly { id: string }[] };
    const [only] = data;
    return only === undefined || data.length > 1 || only.id === model.name ? {} : { ids: { [model.name]: only.id } };
  } catch {
    signal.throwIfAborted();
    return {};
  }
}
