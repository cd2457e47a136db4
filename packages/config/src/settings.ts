// The settings: where each stands in the configuration file, its flag, its environment variable, and its default.
import type { Json, Schema } from '@lamina/core';

/** A setting of the configuration. */
export interface Setting {
  /** Its place in the configuration file, such as `limits.maxLoaded`. */
  readonly key: string;
  /** What the configuration file may say. */
  readonly schema: Schema;
  /** What a module may say, which can hold functions too, where that is more. */
  readonly moduleSchema?: Schema;
  /** The value without a configuration. */
  readonly default?: Json;
  /** How the value is found without a configuration, where it is not a fixed one. */
  readonly defaultText?: string;
  /** The flag, such as `--max-loaded <number>`. A setting with one also has an environment variable. */
  readonly flag?: string;
  /** What the flag does. */
  readonly description?: string;
  /** A path: relative to the file that names it, or to the working directory. */
  readonly isPath?: boolean;
  /** Bytes, also written as a text such as `64MB`; or several by name. */
  readonly isSize?: boolean;
  /** Shown as `***`. */
  readonly isSecret?: boolean;
}

const whole = (minimum: number, maximum?: number): Schema => ({
  type: 'integer',
  minimum,
  ...(maximum === undefined ? {} : { maximum }),
});
const seconds = { type: 'number', minimum: 0 } as const;
const text = { type: 'string' } as const;
const yesOrNo = { type: 'boolean' } as const;
const list = { type: 'array', items: text } as const;
const size = { type: ['integer', 'string'], minimum: 1 } as const;

const apiKey = {
  type: 'object',
  properties: { key: text, scope: { enum: ['inference', 'manage'] }, name: text },
  required: ['key'],
  additionalProperties: false,
} as const;

const general: readonly Setting[] = [
  {
    key: 'modelsDir',
    schema: text,
    default: 'models',
    flag: '--models-dir <directory>',
    description: 'Directory of the models',
    isPath: true,
  },
  {
    key: 'manifest',
    schema: { type: ['string', 'object'] },
    defaultText: 'models.yaml in the models directory',
    flag: '--manifest <file>',
    description: 'Manifest file',
    isPath: true,
  },
  {
    key: 'dataDir',
    schema: text,
    defaultText: ".lamina in the models directory, or in the user's data directory",
    flag: '--data-dir <directory>',
    description: 'Directory for the state of Lamina',
    isPath: true,
  },
];

const limits: readonly Setting[] = [
  {
    key: 'limits.memory',
    schema: size,
    defaultText: 'what the machine or container has, less 5 %, at least 1 GiB',
    flag: '--memory <size>',
    description: 'System memory that all models together may use, such as 16GB',
    isSize: true,
  },
  {
    key: 'limits.deviceMemory',
    schema: { type: 'object', additionalProperties: { ...size, minimum: 0 } },
    defaultText: 'what each device has',
    isSize: true,
  },
  {
    key: 'limits.maxLoaded',
    schema: whole(1),
    defaultText: 'no maximum',
    flag: '--max-loaded <number>',
    description: 'Maximum number of loaded models',
  },
  {
    key: 'limits.idleTimeout',
    schema: seconds,
    default: 300,
    flag: '--idle-timeout <seconds>',
    description: 'Unload a model after this time without requests; 0 disables it',
  },
  { key: 'limits.loadTimeout', schema: seconds, default: 600 },
  { key: 'limits.drainTimeout', schema: seconds, default: 30 },
  { key: 'limits.stopTimeout', schema: seconds, default: 10 },
  { key: 'limits.queueLimit', schema: whole(1), default: 512 },
  { key: 'limits.queueTimeout', schema: seconds, default: 600 },
  { key: 'limits.starvationTimeout', schema: seconds, default: 2 },
  { key: 'limits.healthInterval', schema: seconds, default: 15 },
];

const downloads: readonly Setting[] = [
  {
    key: 'downloads.allowedHosts',
    schema: list,
    flag: '--download-allow-hosts <names>',
    description: 'Hosts with private addresses that downloads of clients may use, as name or name:port',
  },
  { key: 'downloads.maxConcurrent', schema: whole(1), default: 2 },
  { key: 'downloads.connections', schema: whole(1), default: 8 },
  { key: 'downloads.connectionsPerFile', schema: whole(1), default: 4 },
  { key: 'downloads.stallTimeout', schema: seconds, default: 30 },
  { key: 'downloads.maxRetries', schema: whole(0), default: 5 },
  { key: 'downloads.retryDelay', schema: seconds, default: 1 },
  { key: 'downloads.autoResume', schema: yesOrNo, default: true },
];

const server: readonly Setting[] = [
  {
    key: 'server.host',
    schema: text,
    default: '127.0.0.1',
    flag: '--host <address>',
    description: 'Address to listen on',
  },
  {
    key: 'server.port',
    schema: whole(0, 65_535),
    default: 11500,
    flag: '--port <number>',
    description: 'Port to listen on; 0 selects a free one',
  },
  {
    key: 'server.apiKeyFile',
    schema: text,
    flag: '--api-key-file <file>',
    description:
      'File with the API keys that clients must send, one per line; "inference" or "manage" after a key limits its use, "name=<name>" names it',
    isPath: true,
  },
  { key: 'server.apiKeys', schema: { type: 'array', items: apiKey }, moduleSchema: {}, isSecret: true },
  {
    key: 'server.allowUnauthenticated',
    schema: yesOrNo,
    default: false,
    flag: '--allow-unauthenticated',
    description: 'Accept connections from other machines without an API key',
  },
  {
    key: 'server.allowedHosts',
    schema: list,
    flag: '--allowed-hosts <names>',
    description:
      'Host names that clients may use for this server without an API key, besides localhost and IP addresses',
  },
  {
    key: 'server.cors',
    schema: { type: ['array', 'string'], items: text },
    defaultText: 'pages on localhost, for GET and inference',
    flag: '--cors <origins>',
    description:
      'Origins of web pages that may call this server: https://app.example, https://*.example.com, or * for all',
  },
  {
    key: 'server.bodyLimit',
    schema: size,
    default: '32MiB',
    flag: '--body-limit <size>',
    description: 'Maximum size of the body of an inference request, such as 64MB',
    isSize: true,
  },
  { key: 'server.bodyMemoryLimit', schema: size, default: '128MiB', isSize: true },
  { key: 'server.autoDownload', schema: yesOrNo, default: false },
  { key: 'server.heartbeatInterval', schema: seconds, default: 15 },
  { key: 'server.resumeTimeout', schema: seconds, default: 30 },
  { key: 'server.chatLimit', schema: whole(1), default: 100 },
  { key: 'server.maxConnections', schema: whole(1), defaultText: 'from the limit of open files' },
  { key: 'server.maxConnectionsPerAddress', schema: whole(1), defaultText: 'half of maxConnections' },
];

const log: Setting = {
  key: 'log',
  schema: { enum: ['silent', 'error', 'warn', 'info', 'debug'] },
  moduleSchema: { type: ['string', 'object'] },
  default: 'info',
  flag: '--log-level <level>',
  description: 'Minimum level of log messages on standard error',
};

/** Every setting, in the order in which they are shown. */
export const settings: readonly Setting[] = [...general, log, ...limits, ...downloads, ...server];

/** The name under which commander stores a flag: `maxLoaded` for `--max-loaded <number>`. */
export function optionName(flag: string): string {
  return flagName(flag)
    .slice(2)
    .replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The flag without its placeholder: `--max-loaded`. */
export function flagName(flag: string): string {
  return flag.split(' ')[0]!;
}

/** The environment variable of a flag: `LAMINA_MAX_LOADED` for `--max-loaded <number>`. */
export function environmentName(flag: string): string {
  return `LAMINA_${flagName(flag).slice(2).replaceAll('-', '_').toUpperCase()}`;
}

/**
 * Reads the value of a setting from a flag or an environment variable. Lists are separated by commas.
 * @throws Error with a sentence that says what is expected
 */
export function parseSetting({ schema }: Setting, value: string): Json {
  const {
    type,
    enum: values,
    minimum,
    maximum,
  } = schema as {
    type?: string | readonly string[];
    enum?: readonly string[];
    minimum?: number;
    maximum?: number;
  };
  if (values !== undefined) return oneOf(values, value);
  if (type === 'boolean') return oneOf(['true', 'false'], value) === 'true';
  if (type === 'array' || (Array.isArray(type) && type.includes('array')))
    return value.split(',').map((item) => item.trim());
  if (type !== 'integer' && type !== 'number') return value;
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= minimum! && number <= (maximum ?? Number.MAX_SAFE_INTEGER)) return number;
  throw new Error(
    maximum === undefined
      ? `Expected a whole number of at least ${minimum}.`
      : `Expected a whole number from ${minimum} to ${maximum}.`,
  );
}

function oneOf(values: readonly string[], value: string): string {
  if (values.includes(value)) return value;
  throw new Error(`Expected one of ${values.join(', ')}.`);
}
