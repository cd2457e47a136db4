// What an import reads from another program, before anything is written.
import type { BackendEntry, ImportNote, ModelEntry, ModelGroup } from '@lamina/core';

/** What another program has, as entries for the manifest. */
export interface Imported {
  /** The directory or file it was read from. */
  readonly from: string;
  readonly models: Readonly<Record<string, ModelEntry>>;
  readonly backends: Readonly<Record<string, BackendEntry>>;
  readonly groups: Readonly<Record<string, ModelGroup>>;
  readonly notes: readonly ImportNote[];
}
