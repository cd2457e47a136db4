// The options of the backend type `remote` and of its models.
import type { Model } from '../contract/models.js';
import type { FromSchema } from '../contract/schema.js';

/** The name of the backend type. */
export const remoteType = 'remote';

/** The format of models that are on a remote. */
export const remoteFormat = 'remote';

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

/** The options of `models.<name>.options` on a remote. */
export const remoteModelOptions = {
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

/** The options of a configured remote. */
export type RemoteOptions = FromSchema<typeof remoteOptions>;

/** The server's name for a model. */
export function idOf({ name, options }: Model): string {
  const { id } = options;
  return typeof id === 'string' ? id : name;
}
