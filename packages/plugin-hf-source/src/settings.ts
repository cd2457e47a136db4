// Where the Hub, its token and its cache are: the options first, then the environment variables of Hugging Face's own
// tools.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** What the plugin was given in code. */
export interface SourceOptions {
  readonly token?: string;
  readonly endpoint?: string;
  readonly cache_dir?: string;
  readonly adopt?: boolean;
}

/** A token, and where it came from, in words for people. */
export interface Token {
  readonly value: string;
  readonly from: string;
}

/** Everything the source must know of its surroundings. */
export interface Settings {
  /** Without a trailing slash. */
  readonly endpoint: string;
  /** True when HF_HUB_OFFLINE forbids the network. */
  readonly offline: boolean;
  /** `undefined`: there is no home to look for a cache in. */
  readonly cacheDir: string | undefined;
  readonly adopt: boolean;
  /** Reads the token anew, so that a login is noticed without a restart. */
  token(): Promise<Token | undefined>;
}

const officialEndpoint = 'https://huggingface.co';

/** Reads options and environment; the names are those of huggingface_hub's constants. */
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
