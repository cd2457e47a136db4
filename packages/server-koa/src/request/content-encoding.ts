// Decompresses request bodies.
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { LaminaError, reasonOf } from '@lamina/core';

/** A stream that decompresses. */
export interface Decoder {
  readonly stream: Transform;
  /** The error for a body that is not what its encoding says. */
  problem(cause: Error): LaminaError;
}

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip, // The same (RFC 9110, 8.4.1.3).
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * The decoder for the header `Content-Encoding`, whose names have no case; `undefined` for a body that is not compressed.
 * @throws LaminaError `ENCODING_NOT_SUPPORTED`
 */
export function decoderFor(header: string | undefined): Decoder | undefined {
  const encoding = header?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return undefined;
  if (!Object.hasOwn(decoders, encoding))
    throw new LaminaError('ENCODING_NOT_SUPPORTED', { encoding, accepted: ['gzip', 'deflate', 'br'] });
  return {
    stream: decoders[encoding]!(),
    problem: (cause) =>
      new LaminaError(
        'REQUEST_INVALID',
        { message: `The body is not valid ${encoding}, as its header Content-Encoding says: ${reasonOf(cause)}.` },
        { cause },
      ),
  };
}
