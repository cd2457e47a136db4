// Resolves the settings from the plugin's options and the environment variables of Hugging Face's own tools.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The key under `download:` in models.yaml. */
export const sourceName = 'huggingface';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of the plugin. */
export interface SourceOptions {
  readonly token?: string;
  readonly endpoint?: string;
  readonly cache_dir?: string;
  readonly adopt?: boolean;
}

/** A token and its origin, for messages. */
export interface Token {
  readonly value: string;
  readonly from: string;
}

/** The resolved settings. */
export interface Settings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  /** True when HF_HUB_OFFLINE forbids the network. */
  readonly offline: boolean;
  /** `undefined` without a home directory. */
  readonly cacheDir: string | undefined;
  readonly adopt: boolean;
  /** Reads the token each time, so that a new login needs no restart. */
  token(): Promise<Token | undefined>;
}

const officialEndpoint = 'https://huggingface.co';

/** The variables are those of huggingface_hub's constants. */
export function readSettings(options: SourceOptions, env: Environment): Settings {
  const home = homeOf(env);
  return {
    endpoint: (options.endpoint ?? (env['HF_ENDPOINT'] || officialEndpoint)).replace(/\/+$/, ''),
    offline: isSet(env['HF_HUB_OFFLINE']),
    cacheDir:
      options.cache_dir ??
      (env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || (home === undefined ? undefined : join(home, 'hub'))),
    adopt: options.adopt ?? true,
    token: () => findToken(options, env, home),
  };
}

async function findToken(
  options: SourceOptions,
  env: Environment,
  home: string | undefined,
): Promise<Token | undefined> {
  if (options.token !== undefined) return { value: options.token, from: "the plugin's option `token`" };
  if (isSet(env['HF_HUB_DISABLE_IMPLICIT_TOKEN'])) return undefined;
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = env[name]?.trim();
    if (value) return { value, from: `the environment variable ${name}` };
  }
  const path = env['HF_TOKEN_PATH'] || (home === undefined ? undefined : join(home, 'token'));
  const value = path === undefined ? '' : (await readFile(path, 'utf8').catch(() => '')).trim();
  return value === '' ? undefined : { value, from: `the file ${path}` };
}

/** HF_HOME, else `huggingface` in the user's cache directory. */
function homeOf(env: Environment): string | undefined {
  if (env['HF_HOME']) return env['HF_HOME'];
  const user = env['HOME'] || env['USERPROFILE'];
  const cache = env['XDG_CACHE_HOME'] || (user ? join(user, '.cache') : undefined);
  return cache === undefined ? undefined : join(cache, 'huggingface');
}

function isSet(value: string | undefined): boolean {
  return ['1', 'on', 'yes', 'true'].includes((value ?? '').toLowerCase());
}
