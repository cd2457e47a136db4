// Which keys and tokens can be sent in an HTTP header.

/**
 * Whether a key or token can be sent in a header: it has visible ASCII characters only, and no spaces. The error that
 * `fetch` throws for any other contains the secret, so check before a request.
 * @example
 * ```ts
 * import { isHeaderToken } from '@lamina/core/plugin';
 *
 * const { MIRROR_TOKEN: token = '' } = process.env;
 * if (!isHeaderToken(token)) throw new Error('The variable MIRROR_TOKEN contains a space or a line break.');
 * ```
 */
export function isHeaderToken(secret: string): boolean {
  return /^[\x21-\x7e]+$/.test(secret);
}
