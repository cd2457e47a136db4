// What plugins contribute to the extension point `import`: the models that another program already has.
import type { ModelEntry } from './manifest.js';

/** The models of another program on this machine, as `lamina import <name>` adds them to the manifest. */
export interface ModelImport {
  /** The program, in lower case: `ollama`. */
  readonly name: string;
  /**
   * Reads its models, from this directory or by default from the usual places. Changes nothing.
   * @throws LaminaError `REQUEST_INVALID` when there are none, with where it was looked
   */
  read(options: { readonly directory?: string; readonly signal: AbortSignal }): Promise<ImportedModels>;
}

/** What another program has. */
export interface ImportedModels {
  /** The directory they were found in. */
  readonly from: string;
  /** Entries for the manifest, by name; paths are absolute. */
  readonly models: Readonly<Record<string, ModelEntry>>;
  /** What was left out, and what works in another way. */
  readonly notes: readonly ImportNote[];
}

/** Something that an import could not take over. */
export interface ImportNote {
  /** The model, or the key of a configuration: `llama3.2:3b`, `models.qwen.cmdStop`. */
  readonly what: string;
  /** Why, and what to do; one or more sentences. */
  readonly message: string;
  /** Set when there is no entry for the model. */
  readonly leftOut?: boolean;
}
