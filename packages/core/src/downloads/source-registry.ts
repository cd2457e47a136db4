// The sources that plugins have registered.
import type { Context } from '../contract/context.js';
import { LaminaError } from '../contract/errors.js';
import type { Discovery } from '../contract/hooks.js';
import type { Source } from '../contract/source.js';
import { shapeProblem, type Shape } from '../kernel/shape.js';
import { reasonOf } from '../kernel/reason.js';

const sourceShape: Shape = {
  name: 'text',
  resolve: 'function',
  locate: 'function',
  adopt: 'function?',
  search: 'function?',
};

/** The sources of one Lamina, by their key under `download:` in models.yaml. */
export class SourceRegistry {
  private readonly sources = new Map<string, Source>();
  private readonly builtin = new Set<Source>();

  /** @throws LaminaError `PLUGIN_INVALID` when a member is missing or the name is taken */
  add(source: Source, plugin: string): void {
    const problem = shapeProblem(source, sourceShape);
    if (problem !== undefined) {
      const named = (source as Partial<Source> | undefined)?.name;
      const which = named ? `the source "${named}"` : 'a source';
      throw new LaminaError('PLUGIN_INVALID', { plugin, reason: `${which} has the wrong shape: ${problem}` });
    }
    if (this.sources.has(source.name)) {
      const reason = `the source "${source.name}" is already registered`;
      throw new LaminaError('PLUGIN_INVALID', { plugin, reason });
    }
    this.sources.set(source.name, source);
    if (plugin === 'core') this.builtin.add(source);
  }

  /** Sources of plugins come first: they recognise their own URLs, which the built-in source `url` accepts too. */
  list(): readonly Source[] {
    const all = [...this.sources.values()];
    return [...all.filter((source) => !this.builtin.has(source)), ...all.filter((source) => this.builtin.has(source))];
  }

  get(name: string): Source | undefined {
    return this.sources.get(name);
  }

  /** Adds the models that sources find on this machine, such as in the caches of other tools. */
  async discover(discovery: Discovery, context: Context): Promise<void> {
    await Promise.all(this.list().map((source) => addAdopted(source, discovery, context)));
  }
}

async function addAdopted(source: Source, discovery: Discovery, context: Context): Promise<void> {
  try {
    for await (const model of source.adopt?.(context) ?? []) discovery.add(model);
  } catch (error) {
    if (context.signal.aborted) throw error;
    const details = { source: source.name, reason: reasonOf(error) };
    context.log.warn(details, 'A source failed to list its models on this machine');
  }
}
