// A host's options with every default filled in.
import { resolve } from 'node:path';
import type { Config, DownloadLimits, LaminaOptions, RuntimeLimits } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import { check, describeProblems } from './kernel/check.js';

/** What holds where a host says nothing; times in seconds. */
export const defaultLimits: RuntimeLimits = {
  maxLoaded: 1,
  loadTimeout: 600,
  drainTimeout: 30,
  stopTimeout: 10,
  idleTimeout: 300,
  queueLimit: 512,
  queueTimeout: 600,
  starvationTimeout: 2,
  abandonTimeout: 10,
  healthInterval: 15,
};

/** What holds for downloads where a host says nothing. */
export const defaultDownloadLimits: DownloadLimits = {
  active: 2,
  connections: 8,
  connectionsPerFile: 4,
  stallTimeout: 30,
  attempts: 6,
  retryDelay: 1,
  resume: true,
  allowedHosts: [],
};

const seconds = { type: 'number', minimum: 0 } as const;
const limitsSchema = {
  type: 'object',
  properties: {
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
        'abandonTimeout',
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
    active: count,
    connections: count,
    connectionsPerFile: count,
    stallTimeout: seconds,
    attempts: count,
    retryDelay: seconds,
    resume: { type: 'boolean' },
    allowedHosts: { type: 'array', items: { type: 'string' } },
  },
  additionalProperties: false,
};

/**
 * Fills in the defaults.
 * @throws LaminaError `CONFIG_INVALID`
 */
export function resolveConfig(options: LaminaOptions): Config {
  // Not compiled for nothing: a start waits for it.
  const problems = options.limits === undefined ? [] : check(limitsSchema, options.limits);
  if (problems.length > 0)
    throw new LaminaError('CONFIG_INVALID', { message: `The limit ${describeProblems(problems)}.` });
  const others = options.downloads === undefined ? [] : check(downloadsSchema, options.downloads);
  if (others.length > 0)
    throw new LaminaError('CONFIG_INVALID', { message: `The limit of downloads ${describeProblems(others)}.` });
  const modelsDir = resolve(options.modelsDir ?? 'models');
  return Object.freeze({
    plugins: options.plugins ?? [],
    manifest: options.manifest,
    modelsDir,
    dataDir: resolve(options.dataDir ?? `${modelsDir}/.lamina`),
    mode: options.mode ?? 'owner',
    limits: { ...defaultLimits, ...options.limits },
    downloads: { ...defaultDownloadLimits, ...options.downloads },
    // The one default taken from the process: without PATH no engine is found, and nobody expects to have to pass it.
    env: options.env ?? process.env,
    fetch: options.fetch ?? globalThis.fetch,
  });
}

/**
 * The identity function, for the types: a configuration module writes `export default defineConfig({ plugins: […] })`.
 */
export function defineConfig<Options extends LaminaOptions>(options: Options): Options {
  return options;
}
