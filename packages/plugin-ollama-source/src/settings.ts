// Which registries may be asked and how, and where Ollama keeps its models.
import { join } from 'node:path';

/** What the plugin was given in code. */
export interface SourceOptions {
  readonly registries?: readonly string[];
  readonly insecure_registries?: readonly string[];
  readonly models_dir?: string;
  readonly adopt?: boolean;
}

/** Everything the source must know of its surroundings. */
export interface Settings {
  /** Hosts the operator named, in lower case. */
  readonly registries: ReadonlySet<string>;
  /** Those of them that speak http. */
  readonly insecure: ReadonlySet<string>;
  /** Stores to look for models in; none: nothing is adopted. */
  readonly stores: readonly string[];
}

/** Reads options and environment; the folders are those of Ollama's own installers. */
export function readSettings(options: SourceOptions, env: Readonly<Record<string, string | undefined>>): Settings {
  const insecure = new Set((options.insecure_registries ?? []).map((host) => host.toLowerCase()));
  const named = options.models_dir ?? (env['OLLAMA_MODELS'] || undefined);
  const home = env['HOME'] || env['USERPROFILE'];
  const usual = [
    ...(home ? [join(home, '.ollama', 'models')] : []),
    '/usr/share/ollama/.ollama/models',
    '/var/lib/ollama/models',
  ];
  return {
    registries: new Set([...(options.registries ?? []).map((host) => host.toLowerCase()), ...insecure]),
    insecure,
    stores: options.adopt === false ? [] : named === undefined ? usual : [named],
  };
}

/** `https://host`, or `http://host` for this machine and for registries that were named insecure. */
export function originOf(host: string, { insecure }: Settings): string {
  return `${insecure.has(host.toLowerCase()) || isLoopback(host) ? 'http' : 'https'}://${host}`;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host);
}
