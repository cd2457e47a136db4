// The backend type `command`: starts any server with OpenAI's API by a command line.
import type { BackendType, ServerInfo } from '../contract/backends.js';
import type { FromSchema } from '../contract/schema.js';
import type { Launch, ProcessDescription, StartedServer } from '../process/description.js';
import { processBackend } from '../process/process-backend.js';
import { fillIn, wordsOf } from '../kernel/words.js';

/** The options of `backends.<name>` with `type: command`. */
export const commandOptions = {
  type: 'object',
  properties: {
    command: {
      type: 'string',
      minLength: 1,
      description:
        'The command line, which runs without a shell. The placeholders `${PORT}`, `${MODEL_PATH}`, `${MODEL}` (the name of the model) and `${KEY}` (an API key generated for each start) are replaced.',
    },
    formats: {
      type: 'array',
      items: { type: 'string', minLength: 1 },
      minItems: 1,
      description: 'The model formats it supports: `gguf`, `safetensors`, …',
    },
    health: {
      type: 'string',
      pattern: '^/',
      description: 'The path that responds with 200 once the model is loaded.',
      default: '/v1/models',
    },
    ready_log: {
      type: 'string',
      minLength: 1,
      description:
        'A regular expression; `health` is not requested before a line of output matches. For servers that respond too early.',
    },
    base_path: {
      type: 'string',
      pattern: '^/',
      description: 'The path prefix of its OpenAI routes.',
      default: '/v1',
    },
    env: {
      type: 'object',
      additionalProperties: { type: 'string' },
      description:
        'Environment variables for it; the same placeholders are filled in. Use it for `${KEY}`: a command line is visible to every user.',
    },
    cwd: { type: 'string', minLength: 1, format: 'path', description: 'Its working directory.' },
    install: {
      type: 'string',
      minLength: 1,
      description: 'A sentence on how to install it, shown when it is not found.',
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
      description: 'Arguments appended to the command, with the same placeholders.',
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
    executable: 'sh', // Never used: an instance always names its own.
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
 * Uses the server's own id when it lists exactly one model; a server without a usable list is used with the model's name.
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
