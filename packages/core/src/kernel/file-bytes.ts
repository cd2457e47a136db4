// The size of the files of a model.
import type { FileRole, Model } from '../contract/models.js';

/** Bytes of the files of a model, or of those with one role; files that are not on disk count as 0. */
export function fileBytes({ files }: Pick<Model, 'files'>, role?: FileRole): number {
  const counted = role === undefined ? files : files.filter((file) => file.role === role);
  return counted.reduce((sum, { bytes }) => sum + bytes, 0);
}
