// The environment of an engine.
import { ownerMark, ownerVariable } from './process-table.js';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Lamina's environment without the variables in `scrub` (exact names, or prefixes that end in `*`); `overlays` override
 * it, later ones first.
 */
export function engineEnvironment(
  env: Environment,
  scrub: readonly string[],
  ...overlays: readonly (Environment | undefined)[]
): Record<string, string> {
  const inherited = Object.entries(env).filter(([name]) => !scrub.some((pattern) => matches(pattern, name)));
  const merged = Object.assign(Object.fromEntries(inherited), ...overlays, {
    [ownerVariable]: ownerMark(),
  }) as Environment;
  return Object.fromEntries(
    Object.entries(merged).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
