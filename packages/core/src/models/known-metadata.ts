// Keeps the metadata of all models of a catalog in memory, so that lists of models do not wait for the disk.
import type { ModelMetadata, ModelRecord } from '../contract/models.js';
import { withTimeout } from '../kernel/abort.js';
import type { Catalog } from './catalog.js';

/** How long a list waits for headers that have not been read: a disk may hang. */
const readMs = 1_000;

/** Reads the metadata of one model; `undefined` when its header cannot be read. */
type ReadMetadata = (record: ModelRecord) => Promise<ModelMetadata | undefined>;

/** The metadata of the models of one catalog. A new catalog is made when a file changes, so it is read once for each. */
export class KnownMetadata {
  readonly #read: ReadMetadata;
  readonly #known = new Map<string, ModelMetadata>();
  #catalog: Catalog | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(read: ReadMetadata) {
    this.#read = read;
  }

  /** What is known of these models within {@link readMs}. @throws the signal's reason */
  async of(catalog: Catalog, signal: AbortSignal): Promise<ReadonlyMap<string, ModelMetadata>> {
    if (this.#catalog !== catalog) this.#begin(catalog);
    const inTime = withTimeout(
      signal,
      readMs,
      () => new Error('not all headers are read'),
      () => this.#reading,
    );
    await inTime.catch(() => signal.throwIfAborted());
    return this.#known;
  }

  /** What was known of models that did not change stays until they are read again. */
  #begin(catalog: Catalog): void {
    for (const name of this.#known.keys()) if (catalog.get(name) !== this.#catalog?.get(name)) this.#known.delete(name);
    this.#catalog = catalog;
    this.#reading = Promise.all(
      catalog.records
        .filter(({ available }) => available)
        .map(async (record) => {
          const metadata = await this.#read(record);
          if (metadata !== undefined && this.#catalog === catalog) this.#known.set(record.model.name, metadata);
        }),
    ).catch(() => {
      // Lamina closes, or is short of files: the next list tries again.
      if (this.#catalog === catalog) this.#catalog = undefined;
    });
  }
}
