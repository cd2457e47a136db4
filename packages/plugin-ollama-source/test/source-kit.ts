// The source as a host gets it: from the setup of the plugin, with a log that records its lines.
import assert from 'node:assert/strict';
import type { Logger, Plugin, PluginContext, Source, SourceContext } from '@lamina/core/plugin';

/** The logged lines. */
export interface Line {
  readonly level: string;
  readonly message: string;
  readonly data: object;
}

/** A context for calls of a source. */
export function contextFor(lines: Line[] = [], signal: AbortSignal = AbortSignal.timeout(10_000)): SourceContext {
  const write = (level: string) => (data: object, message: string) => void lines.push({ level, message, data });
  const log: Logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  return { signal, log, fetch: globalThis.fetch };
}

/** Runs the setup of the plugin and returns the registered source. */
export async function sourceOf(plugin: Plugin, env: Readonly<Record<string, string>> = {}): Promise<Source> {
  const sources: Source[] = [];
  const lamina = {
    name: plugin.name,
    env,
    log: contextFor().log,
    hooks: { beforeRequest: { tap: () => undefined } },
    addSource: (source: Source) => void sources.push(source),
    extend: () => undefined,
  };
  await plugin.setup(lamina as unknown as PluginContext, plugin.options as never);
  assert.equal(sources.length, 1);
  return sources[0]!;
}

/** Collects an async iterable. */
export async function all<T>(items: AsyncIterable<T> | undefined): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items ?? []) found.push(item);
  return found;
}
