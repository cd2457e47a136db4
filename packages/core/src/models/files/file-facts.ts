// What a model file tells of itself.
import type { ModelMetadata } from '../../contract/models.js';

/** What a file tells; plain data, it is kept on disk. */
export interface FileFacts {
  /** Why it tells nothing: a sentence part that begins with "it". */
  readonly broken?: string;
  /** True when the disk, and not what it holds, is the reason; such facts are not kept. */
  readonly unreadable?: boolean;
  /** True when it is not of the format its name says. */
  readonly wrongFormat?: boolean;
  /** Bytes it must have to be whole. */
  readonly bytesNeeded?: number;
  /** Weights in this file. */
  readonly parameters?: number;
  readonly metadata?: ModelMetadata;
}
