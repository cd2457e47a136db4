// The work of `lamina import`: reads another program's models, adds those that are new, and checks them.
import { join } from 'node:path';
import type { Style } from '@lamina/config';
import { LaminaError, type Lamina } from '@lamina/core';
import type { CliIo } from '../cli-io.js';
import type { OpenedLamina } from '../local-lamina.js';
import type { CommandResult } from '../printer.js';
import { diagnosticsOf, importResult } from './import-result.js';
import type { Imported } from './imported.js';
import { readLlamaSwap } from './llama-swap/read.js';
import { newEntries } from './new-entries.js';

/** One import into the manifest of a Lamina. */
export class ImportWork {
  private readonly lamina: Lamina;

  constructor(
    private readonly opened: OpenedLamina,
    private readonly io: Pick<CliIo, 'env' | 'signal'>,
  ) {
    this.lamina = opened.lamina;
  }

  /**
   * Reads the models of a program with the plugin that knows it.
   * @throws LaminaError `NOT_SUPPORTED` when that is not loaded, and what the plugin throws
   */
  async readContributed(name: string, plugin: string, directory: string | undefined): Promise<Imported> {
    const contribution = this.lamina.extensions('import').find(({ value }) => value.name === name);
    if (contribution === undefined)
      throw new LaminaError('NOT_SUPPORTED', {
        message: `The plugin that reads the models of ${name} is not loaded. Run: npm install ${plugin}`,
      });
    const { signal } = this.io;
    const read = await contribution.value.read({ ...(directory === undefined ? {} : { directory }), signal });
    return { ...read, backends: {}, groups: {} };
  }

  /** Reads a configuration of llama-swap. @throws LaminaError `CONFIG_INVALID` */
  async readLlamaSwapFile(path: string): Promise<Imported> {
    const { manifest } = this.lamina.models;
    const backends = await this.lamina.backends.list({ signal: this.io.signal });
    const keys = this.lamina.extensions('modelEntry').flatMap(({ value }) => Object.keys(value));
    return readLlamaSwap(path, {
      env: this.io.env,
      takenBackends: new Set([
        ...Object.keys(manifest.backends),
        ...backends.flatMap(({ name, type }) => [name, type]),
      ]),
      hasPresets: keys.includes('parameters') && keys.includes('of'),
    });
  }

  /** Adds what is new and checks it, or only shows it. */
  async finish(imported: Imported, isDryRun: boolean, style: Style): Promise<CommandResult> {
    const { models } = this.lamina;
    const added = newEntries(imported, this.lamina);
    const isAdded = !isDryRun && Object.keys(added.models).length > 0;
    if (isAdded) await models.add(added);
    return importResult(
      {
        from: imported.from,
        added,
        manifest: this.manifestFile,
        isDryRun,
        diagnostics: isAdded ? await diagnosticsOf(this.lamina, added, this.io.signal) : [],
      },
      style,
    );
  }

  private get manifestFile(): string {
    const { manifest, modelsDir = 'models' } = this.opened.configuration.lamina;
    return typeof manifest === 'string' ? manifest : join(modelsDir, 'models.yaml');
  }
}
