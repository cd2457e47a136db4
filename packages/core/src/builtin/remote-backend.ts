// The backend type `remote`: a server that already runs, here or elsewhere. Lamina never starts or stops it.
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

const responseTimeoutMs = 5_000;
const scheme = 'Bearer ';

/** The options of `backends.<name>` with `type: remote`. */
export const remoteOptions = {
  type: 'object',
  properties: {
    base_url: {
      type: 'string',
      pattern: '^https?://',
      description: 'The base URL for an OpenAI client: `https://host/v1`.',
    },
    api_key_env: {
      type: 'string',
      minLength: 1,
      description: 'The environment variable with the API key of the server, which is sent as a bearer token.',
    },
    health: {
      type: 'string',
      pattern: '^/',
      description: 'The path below `base_url` that responds with 2xx while the server is healthy.',
      default: '/models',
    },
  },
  required: ['base_url'],
  additionalProperties: false,
} as const;

const modelOptions = {
  type: 'object',
  properties: {
    id: {
      type: 'string',
      minLength: 1,
      description: "The server's name for the model.",
      default: 'the name of the model',
    },
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
        hint: `Set ${variable} to the key of the backend "${this.name}" and restart Lamina.`,
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
    // eslint-disable-next-line no-restricted-syntax -- The fields of a process that ended without code and signal.
    const detached: ServerExit = { code: null, signal: null, expected: true, reason: 'it was detached', lastLines: [] };
    return {
      info: id === model.name ? {} : { ids: { [model.name]: id } },
      endpoint: () => endpoint,
      closed,
      stop: () => Promise.resolve(end(detached)),
      check: (checkSignal) => this.check(endpoint, checkSignal),
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
   * What is wrong with the server, as part of a sentence, without its address, which is not for clients.
   * @throws the signal's reason; an error whose cause is the system's when that is short of descriptors
   */
  private async problem(endpoint: Endpoint, signal: AbortSignal): Promise<string | undefined> {
    // Such a header is invalid, and the error about it would contain the key.
    if (/[^\x21-\x7e]/.test(endpoint.headers?.['authorization']?.slice(scheme.length) ?? ''))
      return `the environment variable ${this.options.api_key_env} contains a space or another character that is not allowed in a key`;
    try {
      const status = await this.status(endpoint, signal);
      if (status >= 200 && status < 300) return undefined;
      if (status === 401 || status === 403)
        return `its server refuses ${this.options.api_key_env === undefined ? 'requests without a key' : 'the key'}`;
      return `its server responded with status ${status}`;
    } catch (error) {
      signal.throwIfAborted();
      if (isShortage(error)) throw error;
      return reasonOf(error);
    }
  }

  /** The status of its health path. @throws Error when there is no response */
  private async status({ baseUrl, headers = {} }: Endpoint, signal: AbortSignal): Promise<number> {
    try {
      const url = `${baseUrl}${this.options.health ?? '/models'}`;
      const response = await this.fetch(url, {
        headers: { ...headers, connection: 'close' },
        signal: AbortSignal.any([signal, AbortSignal.timeout(responseTimeoutMs)]),
      });
      await response.body?.cancel();
      return response.status;
    } catch (error) {
      // fetch hides the reason in the cause.
      throw new Error(`its server does not respond: ${networkReasonOf(error)}`, {
        cause: error,
      });
    }
  }
}
