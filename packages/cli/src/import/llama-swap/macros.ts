// Replaces the macros of llama-swap in the values of a configuration.
import { parse } from 'yaml';

/** The values of macros by name, and the environment for `${env.NAME}`. */
export interface Macros {
  readonly values: Readonly<Record<string, unknown>>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Known when a command starts: Lamina has a placeholder for the port, and knows the process. */
const atStart = ['PORT', 'PID'];
const macro = /\$\{(env\.)?([\w-]+)\}/g;
const deepest = 20;

/**
 * The value with its macros replaced, in lists and objects too; a text that is only a macro gets the type of its value.
 * What is not defined stays: {@link undefinedIn} finds it.
 */
export function expand(value: unknown, macros: Macros, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((item) => expand(item, macros, depth));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, expand(member, macros, depth)]));
  if (typeof value !== 'string' || depth > deepest) return value;
  const [whole] = value.match(/^\$\{[\w.-]+\}$/) ?? [];
  const only = whole === undefined ? undefined : valueOf(whole, macros);
  if (only !== undefined) return expand(only, macros, depth + 1);
  return value.replace(macro, (written) => {
    const found = valueOf(written, macros);
    return found === undefined ? written : String(expand(found, macros, depth + 1));
  });
}

/** The macros that are left in a value, without those of the start: `foo`, `env.HOME`. */
export function undefinedIn(value: unknown): readonly string[] {
  const found = [...(JSON.stringify(value) ?? '').matchAll(macro)].map(([, env = '', name = '']) => `${env}${name}`);
  return [...new Set(found)].filter((name) => !atStart.includes(name));
}

function valueOf(written: string, { values, env }: Macros): unknown {
  const [, isEnv, name = ''] = new RegExp(macro.source).exec(written) ?? [];
  if (isEnv === undefined) return Object.hasOwn(values, name) ? values[name] : undefined;
  const text = env[name];
  return text === undefined ? undefined : scalarOf(text);
}

/** As llama-swap, which replaces variables in the text of the file: `60` is a number. */
function scalarOf(text: string): unknown {
  if (!/^(true|false|-?\d+(\.\d+)?)$/.test(text)) return text;
  return parse(text) as unknown;
}
