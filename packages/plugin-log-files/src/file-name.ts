// The file name of a model.
import { createHash } from 'node:crypto';

/** File systems allow 255 bytes; the ends `.log` and `.<number>` need some of them. */
const longest = 200;

/** A different name for each model, without path separators: `org/model:Q4` becomes `org%2Fmodel%3AQ4.log`. */
export function fileNameOf(model: string): string {
  const encoded = encodeURIComponent(model).replaceAll('*', '%2A');
  if (encoded.length <= longest) return `${encoded}.log`;
  const hash = createHash('sha256').update(model).digest('hex').slice(0, 16);
  return `${encoded.slice(0, longest - hash.length - 1)}-${hash}.log`;
}
