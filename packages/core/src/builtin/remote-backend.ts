// The backend type `remote`: a server that already runs, here or elsewhere. It is attached and detached, never started or ended.
import type { Availability, Backend, BackendContext, BackendType, Endpoint, ModelServer, ServerExit } from '../contract/backend.js';
import { LaminaError, reasonOf } from '../contract/errors.js';
import type { Model } from '../contract/model.js';
import type { FromSchema } from '../contract/schema.js';

const answerLimitMs = 5_000;

/** What `backends.<name>` may say with `type: remote`. */
export const remoteOptions = {
  type: 'object',
  properties: {
    base_url: { type: 'string', pattern: '^https?://', description: 'What an OpenAI client would be given: `https://host/v1`.' },
    api_key_env: { type: 'string', minLength: 1, description: "The environment variable of Lamina that holds the server's key; sent as a bearer token." },
    health: { type: 'string', pattern: '^/', description: 'The path below `base_url` that answers 2xx while it is well.', default: '/models' },
  },
  required: ['base_url'],
  additionalProperties: false,
} as const;

const modelOptions = {
  type: 'object',
  properties: { id: { type: 'string', minLength: 1, description: 'What the server calls the model.', default: "the model's name" } },
  additionalProperties: false,
} as const;

type RemoteOptions = FromSchema<typeof remoteOptions>;
type Fetch = typeof globalThis.fetch;

/** Makes the backend type `remote`. */
export function remoteBackend(fetch: Fetch): BackendType {
  return {
    type: 'remote',
    formats: ['remote'],
    options: remoteOptions,
    modelOptions,
    lifetime: 'external',
    create: (name, options) => new Remote(name, options as RemoteOptions, fetch),
  };
}

class Remote implements Backend {
  constructor(
    readonly name: string,
    private readonly options: RemoteOptions,
    private readonly fetch: Fetch,
  ) {}

  async probe({ env, signal }: BackendContext): Promise<Availability> {
    const { api_key_env: variable } = this.options;
    if (variable !== undefined && !env[variable]) return { available: false, reason: `the environment variable ${variable} is not set`, hint: `Set ${variable} to the key of ${this.host} and start Lamina again.` };
    const problem = await this.problem(this.endpoint(env), signal);
    return problem === undefined ? { available: true } : { available: false, reason: problem, hint: `Correct base_url or api_key_env of the backend "${this.name}", or start that server.` };
  }

  accepts(): { rank: number; reason: string } {
    return { rank: 0, reason: `it is served at ${this.host}` };
  }

  async start(model: Model, { env, options, signal, progress }: Parameters<Backend['start']>[1]): Promise<ModelServer> {
    signal.throwIfAborted();
    progress({ stage: 'attaching' });
    const endpoint = this.endpoint(env);
    const problem = await this.problem(endpoint, signal);
    if (problem !== undefined) throw new LaminaError('MODEL_START_FAILED', { model: model.name, reason: problem });
    const { id = model.name } = options as FromSchema<typeof modelOptions>;
    let end: (exit: ServerExit) => void = () => undefined;
    const closed = new Promise<ServerExit>((resolve) => (end = resolve));
    // eslint-disable-next-line no-restricted-syntax -- As a process that ended says it: no code, no signal.
    const detached: ServerExit = { code: null, signal: null, expected: true, reason: 'it was detached', lastLines: [] };
    return {
      info: id === model.name ? {} : { ids: { [model.name]: id } },
      endpoint: () => endpoint,
      closed,
      stop: () => Promise.resolve(end(detached)),
      check: async (asked) => ((await this.problem(endpoint, asked)) === undefined ? 'ok' : 'degraded'),
    };
  }

  private get host(): string {
    return new URL(this.options.base_url).host;
  }

  private endpoint(env: BackendContext['env']): Endpoint {
    const { base_url, api_key_env: variable } = this.options;
    const key = variable === undefined ? undefined : env[variable];
    return { baseUrl: base_url.replace(/\/+$/, ''), ...(key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } }) };
  }

  /** What is wrong with the server, as a sentence part. @throws the signal's reason */
  private async problem({ baseUrl, headers = {} }: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    try {
      const response = await this.fetch(`${baseUrl}${this.options.health ?? '/models'}`, { headers: { ...headers, connection: 'close' }, signal: AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs)]) });
      await response.body?.cancel();
      if (response.ok) return undefined;
      if (response.status === 401 || response.status === 403) return `${this.host} refuses ${this.options.api_key_env === undefined ? 'requests without a key' : 'the key'}`;
      return `${this.host} answered with status ${response.status}`;
    } catch (error) {
      signal.throwIfAborted();
      return `${this.host} does not answer: ${reasonOf(error instanceof Error && error.cause !== undefined ? error.cause : error)}`;
    }
  }
}
