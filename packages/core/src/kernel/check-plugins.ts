// Checks the plugins of a host before any of their code runs.
import { LaminaError } from '../contract/errors.js';
import { apiVersion, type Plugin, type PluginNeed } from '../contract/plugin.js';
import { check, describeProblems, nearestHint } from './check.js';
import { shapeProblem } from './shape.js';

const namePattern = /^[a-z][a-z0-9-]*$/;
const noOptions = { type: 'object', additionalProperties: false };
const members = ['name', 'apiVersion', 'schema', 'options', 'needs', 'setup'] satisfies (keyof Plugin)[];
const needs: readonly string[] = ['usage'] satisfies PluginNeed[];

/** @throws LaminaError `PLUGIN_INVALID` for the first plugin that is wrong */
export function checkPlugins(plugins: readonly unknown[]): void {
  const names = new Set<string>();
  plugins.forEach((plugin, index) => {
    const { name = '' } = (plugin ?? {}) as Partial<Plugin>;
    const reason = problemOf(plugin, names);
    // Core's own plugin is the first.
    if (reason !== undefined) throw new LaminaError('PLUGIN_INVALID', { plugin: name || `number ${index}`, reason });
    names.add(name);
  });
}

function problemOf(given: unknown, earlier: ReadonlySet<string>): string | undefined {
  if (typeof given === 'function') return 'it is the factory; call it, as in plugins: [myPlugin()]';
  const problem = shapeProblem(given, { name: 'text', setup: 'function', schema: 'object?', needs: 'list?' });
  if (problem !== undefined)
    return `${problem}; a plugin is { name, setup }, or what a factory of definePlugin returns`;
  const plugin = given as Plugin;
  if (!namePattern.test(plugin.name))
    return 'its name must be lower-case letters, digits and dashes, and begin with a letter';
  if (plugin.apiVersion !== undefined && plugin.apiVersion !== apiVersion)
    return `it speaks version ${String(plugin.apiVersion)} of the contract and this core speaks ${apiVersion}; install matching versions`;
  if (earlier.has(plugin.name)) return 'another plugin has the same name; list it once';
  const unknown = Object.keys(plugin).find((key) => !members.includes(key as keyof Plugin));
  if (unknown !== undefined) return `its member "${unknown}" is not known; ${nearestHint(unknown, members)}`;
  const need = plugin.needs?.find((each) => !needs.includes(each));
  if (need !== undefined) return `it needs "${need}", which is not known; ${nearestHint(need, needs)}`;
  const options = Object.keys(plugin.options ?? {});
  if (plugin.schema === undefined && options.length > 0) return `it takes no options, but was given "${options[0]}"`;
  const problems = check(plugin.schema ?? noOptions, plugin.options ?? {});
  return problems.length === 0 ? undefined : `its option ${describeProblems(problems)}`;
}
