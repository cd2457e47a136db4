// The sources plugins registered, by the key they have under `download:` in models.yaml.
import { LaminaError } from '../contract/errors.js';
import type { Source } from '../contract/source.js';

/** Holds the sources of one Lamina. */
export class SourceRegistry {
  private readonly sources = new Map<string, Source>();
  private readonly own = new Set<Source>();

  /** @throws LaminaError `PLUGIN_INVALID` when the name is taken */
  add(source: Source, plugin: string): void {
    if (this.sources.has(source.name))
      throw new LaminaError('PLUGIN_INVALID', { plugin, reason: `the source "${source.name}" is registered already` });
    this.sources.set(source.name, source);
    if (plugin === 'core') this.own.add(source);
  }

  /** Those of plugins first, for they know best what their links are; core's own take what is left. */
  list(): readonly Source[] {
    const all = [...this.sources.values()];
    return [...all.filter((source) => !this.own.has(source)), ...all.filter((source) => this.own.has(source))];
  }
}
