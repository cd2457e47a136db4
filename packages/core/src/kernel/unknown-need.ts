// The memory of a model of which only the size of its files is known.

const besides = 512 * 1024 * 1024;

/** Bytes that an engine may need for files of so many bytes: the files, and memory to compute. */
export function unknownNeedOf(fileBytes: number): number {
  return Math.round(fileBytes * 1.2) + besides;
}
