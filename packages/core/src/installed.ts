// For commands made with Lamina: the configuration module a user names, or the plugins of Lamina that are installed.
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LaminaOptions } from './contract/config.js';
import { LaminaError } from './contract/errors.js';
import { reasonOf } from './kernel/reason.js';
import type { Plugin } from './contract/plugin.js';

/** Package → the name of its plugin factory. */
const firstParty: Readonly<Record<string, string>> = {
  '@lamina/plugin-llamacpp': 'llamacpp',
  '@lamina/plugin-vllm': 'vllm',
  '@lamina/plugin-mlc': 'mlc',
  '@lamina/plugin-embedded': 'embedded',
  '@lamina/plugin-hf-source': 'hfSource',
  '@lamina/plugin-ollama-source': 'ollamaSource',
};

/**
 * What a command starts with: the default export of a configuration module (`export default defineConfig({ plugins: […]
 * })`), whose path is relative to the working directory; without one, the plugins of Lamina that are installed beside
 * this package, with their defaults.
 * @throws LaminaError `CONFIG_INVALID` when the module, or a plugin that is there, cannot be loaded
 */
export async function loadConfig<Config extends LaminaOptions = LaminaOptions>(
  path: string | undefined,
): Promise<Config> {
  // Plugins are the one option every Config has and this can make.
  if (path === undefined) return { plugins: await installedPlugins() } as unknown as Config;
  const module = await importModule(pathToFileURL(resolve(path)).href, path);
  const config: unknown = module['default'];
  if (typeof config === 'object' && config !== null) return config as Config;
  throw new LaminaError('CONFIG_INVALID', {
    message: `${path} must have a default export: export default defineConfig({ plugins: […] }).`,
    file: path,
  });
}

async function installedPlugins(): Promise<Plugin[]> {
  const plugins: Plugin[] = [];
  for (const [name, factory] of Object.entries(firstParty)) {
    const module = await importModule(name, `The plugin ${name}`).catch((error: unknown) => {
      if (isNotInstalled(error, name)) return undefined;
      throw error;
    });
    if (module !== undefined) plugins.push(pluginOf(name, module[factory]));
  }
  return plugins;
}

function pluginOf(name: string, factory: unknown): Plugin {
  if (typeof factory === 'function') return (factory as () => Plugin)();
  throw new LaminaError('CONFIG_INVALID', {
    message: `The plugin ${name} is not of a version that this Lamina knows; install both anew.`,
  });
}

async function importModule(specifier: string, what: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>;
  } catch (error) {
    throw new LaminaError(
      'CONFIG_INVALID',
      { message: `${what} cannot be loaded: ${reasonOf(error)}.` },
      { cause: error },
    );
  }
}

// Not the same as a plugin that is there and cannot be loaded: that one is wanted, and broken.
function isNotInstalled(error: unknown, name: string): boolean {
  const cause = (error as LaminaError).cause as NodeJS.ErrnoException | undefined;
  return cause?.code === 'ERR_MODULE_NOT_FOUND' && cause.message.startsWith(`Cannot find package '${name}'`);
}
