// Checks the options of createLamina and fills in the defaults.
import { resolve } from 'node:path';
import type { Config, DownloadLimits, LaminaOptions, RuntimeLimits } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import { defaultDataDir } from './data-dir.js';
import { check, describeProblems, nearestHint } from './kernel/check.js';

export { parseSize } from './kernel/sizes.js';

/** The default limits of the runtime; times in seconds. */
export const defaultLimits: RuntimeLimits = {
  memory: undefined,
  deviceMemory: {},
  maxLoaded: undefined,
  loadTimeout: 600,
  drainTimeout: 30,
  stopTimeout: 10,
  idleTimeout: 300,
  queueLimit: 512,
  queueTimeout: 600,
  starvationTimeout: 2,
  healthInterval: 15,
};

/** The default limits of downloads. */
export const defaultDownloadLimits: DownloadLimits = {
  maxConcurrent: 2,
  connections: 8,
  connectionsPerFile: 4,
  stallTimeout: 30,
  maxRetries: 5,
  retryDelay: 1,
  autoResume: true,
  allowedHosts: [],
};

const seconds = { type: 'number', minimum: 0 } as const;
const limitsSchema = {
  type: 'object',
  properties: {
    memory: { type: 'integer', minimum: 1 },
    deviceMemory: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
    maxLoaded: { type: 'integer', minimum: 1 },
    queueLimit: { type: 'integer', minimum: 1 },
    ...Object.fromEntries(
      [
        'loadTimeout',
        'drainTimeout',
        'stopTimeout',
        'idleTimeout',
        'queueTimeout',
        'starvationTimeout',
        'healthInterval',
      ].map((name) => [name, seconds]),
    ),
  },
  additionalProperties: false,
};

const count = { type: 'integer', minimum: 1 } as const;
const downloadsSchema = {
  type: 'object',
  properties: {
    maxConcurrent: count,
    connections: count,
    connectionsPerFile: count,
    stallTimeout: seconds,
    maxRetries: { type: 'integer', minimum: 0 },
    retryDelay: seconds,
    autoResume: { type: 'boolean' },
    allowedHosts: { type: 'array', items: { type: 'string' } },
  },
  additionalProperties: false,
};

/** Every option; the type makes sure that none is missing. */
const optionNames: Readonly<Record<keyof LaminaOptions, true>> = {
  plugins: true,
  manifest: true,
  modelsDir: true,
  dataDir: true,
  mode: true,
  limits: true,
  downloads: true,
  log: true,
  env: true,
  fetch: true,
  clock: true,
  configure: true,
};

/**
 * Fills in the defaults.
 * @throws LaminaError `CONFIG_INVALID`
 */
export function resolveConfig(options: LaminaOptions): Config {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(optionNames, name));
  if (unknown !== undefined) {
    const hint = nearestHint(unknown, Object.keys(optionNames));
    throw new LaminaError('CONFIG_INVALID', { message: `createLamina has no option "${unknown}"; ${hint}` });
  }
  // Compiling a schema takes milliseconds, so only for what was passed.
  const problems = options.limits === undefined ? [] : check(limitsSchema, options.limits);
  if (problems.length > 0)
    throw new LaminaError('CONFIG_INVALID', { message: `The limit ${describeProblems(problems)}.` });
  const others = options.downloads === undefined ? [] : check(downloadsSchema, options.downloads);
  if (others.length > 0)
    throw new LaminaError('CONFIG_INVALID', { message: `The limit of downloads ${describeProblems(others)}.` });
  const modelsDir = resolve(options.modelsDir ?? 'models');
  const mode = options.mode ?? 'owner';
  // The only default taken from the process: without PATH no engine is found.
  const env = options.env ?? process.env;
  return Object.freeze({
    plugins: options.plugins ?? [],
    manifest: options.manifest,
    modelsDir,
    dataDir: options.dataDir === undefined ? defaultDataDir({ modelsDir, mode, env }) : resolve(options.dataDir),
    mode,
    limits: { ...defaultLimits, ...options.limits },
    downloads: { ...defaultDownloadLimits, ...options.downloads },
    env,
    fetch: options.fetch ?? globalThis.fetch,
  });
}
