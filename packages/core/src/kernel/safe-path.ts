// Which file paths from a plan, a request or a source can be used below a directory, on every operating system.
import { isAbsolute } from 'node:path';

/**
 * Whether a path is relative, uses `/`, and stays below its directory, as the paths of a plan must. Control characters,
 * parts of more than 255 bytes and the device names of Windows are not allowed, nor `~` and `${`, which mean something
 * else in the manifest.
 * @example
 * ```ts
 * import { isSafePath } from '@lamina/core/plugin';
 *
 * const paths = ['model.gguf', '../model.gguf'].filter((path) => isSafePath(path)); // model.gguf
 * ```
 */
export function isSafePath(path: string): boolean {
  // eslint-disable-next-line no-control-regex -- the pattern is about control characters
  const isPlain = !isAbsolute(path) && !/[\u0000-\u001f\u007f\\]/.test(path) && path.length <= 1000;
  return isPlain && !/^~|\$\{/.test(path) && path.split('/').every(isSafePart);
}

/** Device names of Windows are excluded, because file systems may be shared with it. */
function isSafePart(part: string): boolean {
  const isDevice = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(part);
  return part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255 && !isDevice;
}
