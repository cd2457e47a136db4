// Loads the configuration of a command: a module, or by default the first-party plugins that are installed.
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
 * The default export of a configuration module (`export default defineConfig({ plugins: […] })`), whose path is relative
 * to the working directory; without a path, the first-party plugins that are installed beside this package, with their
 * defaults.
 * @throws LaminaError `CONFIG_INVALID` when the module or an installed plugin cannot be loaded
 */
export async function loadConfig<Config extends LaminaOptions = LaminaOptions>(
  path: string | undefined,
): Promise<Config> {
  // Every Config has the option `plugins`.
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
    const module = await importModule(name, `the plugin ${name}`).catch((error: unknown) => {
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
    message: `The plugin ${name} does not fit this version of Lamina. Install matching versions of both.`,
  });
}

async function importModule(specifier: string, what: string): Promise<Record<string, unknown>> {
  try {
    return (await import(specifier)) as Record<string, unknown>;
  } catch (error) {
    throw new LaminaError('CONFIG_INVALID', { message: `Cannot load ${what}: ${reasonOf(error)}.` }, { cause: error });
  }
}

// An installed plugin that cannot be loaded is an error, a missing one is not.
function isNotInstalled(error: unknown, name: string): boolean {
  const cause = (error as LaminaError).cause as NodeJS.ErrnoException | undefined;
  return cause?.code === 'ERR_MODULE_NOT_FOUND' && cause.message.startsWith(`Cannot find package '${name}'`);
}
