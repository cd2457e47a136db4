// What the header of a model file says.
import type { ModelMetadata } from '../../contract/models.js';

/** What a file says; plain data. */
export interface FileHeader {
  /** Why the file says nothing: a sentence part that begins with "it". */
  readonly broken?: string;
  /** True when the file could not be read; such a header is not cached. */
  readonly unreadable?: boolean;
  /** True when the file is not of the format that its name says. */
  readonly wrongFormat?: boolean;
  /** The size of the complete file. */
  readonly bytesNeeded?: number;
  /** Weights in this file. */
  readonly parameters?: number;
  readonly metadata?: ModelMetadata;
}
