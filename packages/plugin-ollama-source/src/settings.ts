// Resolves the settings from the plugin's options and the environment variables of Ollama.
import { join } from 'node:path';

/** The options of the plugin. */
export interface SourceOptions {
  readonly registries?: readonly string[];
  readonly insecure_registries?: readonly string[];
  readonly models_dir?: string;
  readonly adopt?: boolean;
}

/** The resolved settings. */
export interface Settings {
  /** Hosts that requests from the network may use, in lower case. */
  readonly registries: ReadonlySet<string>;
  /** Those of them that use http. */
  readonly insecure: ReadonlySet<string>;
  /** The stores of this machine. */
  readonly stores: readonly string[];
  /** Whether their models are listed. */
  readonly adopt: boolean;
}

/** The default folders are those of Ollama's installers. */
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
    stores: named === undefined ? usual : [named],
    adopt: options.adopt !== false,
  };
}

/** `https://host`, or `http://host` for this machine and for insecure registries. */
export function originOf(host: string, { insecure }: Settings): string {
  return `${insecure.has(host.toLowerCase()) || isLoopback(host) ? 'http' : 'https'}://${host}`;
}

function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i.test(host);
}
