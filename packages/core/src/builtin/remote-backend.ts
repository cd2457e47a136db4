// The backend type `remote`: a server that already runs, here or elsewhere. It is attached and detached, never started
// or ended.
import type {
  Availability,
  Backend,
  BackendContext,
  BackendType,
  Endpoint,
  Health,
  ModelServer,
  ServerExit,
} from '../contract/backends.js';
import { LaminaError } from '../contract/errors.js';
import { networkReasonOf, reasonOf } from '../kernel/reason.js';
import type { Model } from '../contract/models.js';
import type { FromSchema } from '../contract/schema.js';
import { isShortage } from '../kernel/shortage.js';

const answerLimitMs = 5_000;
const scheme = 'Bearer ';

/** What `backends.<name>` may say with `type: remote`. */
export const remoteOptions = {
  type: 'object',
  properties: {
    base_url: {
      type: 'string',
      pattern: '^https?://',
      description: 'What an OpenAI client would be given: `https://host/v1`.',
    },
    api_key_env: {
      type: 'string',
      minLength: 1,
      description: "The environment variable of Lamina that holds the server's key; sent as a bearer token.",
    },
    health: {
      type: 'string',
      pattern: '^/',
      description: 'The path below `base_url` that answers 2xx while it is well.',
      default: '/models',
    },
  },
  required: ['base_url'],
  additionalProperties: false,
} as const;

const modelOptions = {
  type: 'object',
  properties: {
    id: { type: 'string', minLength: 1, description: 'What the server calls the model.', default: "the model's name" },
  },
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
    if (variable !== undefined && !env[variable])
      return {
        available: false,
        reason: `the environment variable ${variable} is not set`,
        hint: `Set ${variable} to the key of the backend "${this.name}" and start Lamina again.`,
      };
    const problem = await this.problem(this.endpoint(env), signal);
    return problem === undefined
      ? { available: true }
      : {
          available: false,
          reason: problem,
          hint: `Correct base_url or api_key_env of the backend "${this.name}", or start that server.`,
        };
  }

  accepts(): { rank: number; reason: string } {
    return { rank: 0, reason: 'it is served elsewhere' };
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
      check: (asked) => this.check(endpoint, asked),
    };
  }

  private endpoint(env: BackendContext['env']): Endpoint {
    const { base_url, api_key_env: variable } = this.options;
    const key = variable === undefined ? undefined : env[variable];
    return {
      baseUrl: base_url.replace(/\/+$/, ''),
      ...(key === undefined ? {} : { headers: { authorization: `${scheme}${key}` } }),
    };
  }

  private async check(endpoint: Endpoint, signal: AbortSignal): Promise<Health> {
    const status = await this.status(endpoint, signal);
    return status >= 200 && status < 300 ? 'ok' : 'degraded';
  }

  /**
   * What is wrong with the server, as a sentence part without its address, which clients may not know.
   * @throws the signal's reason; an error with the system's as its cause when that is short of descriptors
   */
  private async problem(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    // A header cannot carry it, and the error that says so quotes it.
    if (/[^\x21-\x7e]/.test(endpoint.headers?.['authorization']?.slice(scheme.length) ?? ''))
      return `the environment variable ${this.options.api_key_env} has a space or another character that no key has`;
    try {
      const status = await this.status(endpoint, signal);
      if (status >= 200 && status < 300) return undefined;
      if (status === 401 || status === 403)
        return `its server refuses ${this.options.api_key_env === undefined ? 'requests without a key' : 'the key'}`;
      return `its server answered with status ${status}`;
    } catch (error) {
      signal.throwIfAborted();
      if (isShortage(error)) throw error;
      return reasonOf(error);
    }
  }

  /** The status its health path answers with. @throws Error when there is no answer */
  private async status({ baseUrl, headers = {} }: Endpoint, signal: AbortSignal): Promise<number> {
    try {
      const url = `${baseUrl}${this.options.health ?? '/models'}`;
      const response = await this.fetch(url, {
        headers: { ...headers, connection: 'close' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerLimitMs)]),
      });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      // fetch hides the reason in the cause.
      throw new Error(`its server does not answer: ${networkReasonOf((error as Error).cause ?? error)}`, {
        cause: error,
      });
    }
  }
}
