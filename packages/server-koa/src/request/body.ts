// Reads request bodies into memory within their limits.
import type { IncomingMessage } from 'node:http';
import { LaminaError } from '@lamina/core';
import { defaultBodyLimit, defaultBodyMemoryLimit, type RouterOptions } from '../options.js';
import { BodyMemory, type BodyShare } from './body-memory.js';
import { decoderFor, type Decoder } from './content-encoding.js';
import { valueCounter } from './json.js';

/** The largest body of routes that are not inference, in bytes. */
export const maxSmallBody = 1024 * 1024;

/** The limits of a body. */
export interface BodyLimits {
  readonly memory: BodyMemory;
  /** The largest body, in bytes; of a compressed body, after decompression. */
  readonly bytes: number;
}

/** The limits of inference bodies. A body that is larger than all of the memory could never be read. */
export function bodyLimits({
  bodyLimit = defaultBodyLimit,
  bodyMemoryLimit = Math.max(defaultBodyMemoryLimit, bodyLimit),
}: RouterOptions): BodyLimits {
  return { memory: new BodyMemory(bodyMemoryLimit), bytes: Math.min(bodyLimit, bodyMemoryLimit) };
}

/** A body in memory. Release it in every case. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * Reads a whole body, and decompresses it. It is kept in memory because an engine that dies before it answers is
 * replaced and asked again. `inspect` gets each piece as it arrives, and throws to stop; by default it limits the number
 * of JSON values.
 * @throws LaminaError `BODY_TOO_LARGE` as soon as that is known, without reading on; `ENCODING_NOT_SUPPORTED`;
 * `REQUEST_INVALID` for compressed data that is damaged; `SERVER_OVERLOADED`; `ABORTED` when the client disconnects
 * first; what `inspect` throws
 */
export async function readBody(
  request: IncomingMessage,
  { memory, bytes: limit }: BodyLimits,
  inspect: (piece: Buffer) => void = valueCounter(),
): Promise<HeldBody> {
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > limit) throw tooLarge(limit);
  if (request.readableEnded) {
    throw new LaminaError('CONFIG_INVALID', {
      message: 'The body has already been read. Put the Lamina router before any body parser.',
    });
  }
  const decoder = decoderFor(request.headers['content-encoding']);
  const declared = decoder === undefined ? length : 0;
  const share = memory.createShare();
  try {
    await share.add(declared);
    if (request.destroyed) throw new LaminaError('ABORTED', {});
    const bytes = await collect(request, decoder, { limit, declared, share, inspect });
    return { bytes, release: () => share.release() };
  } catch (error) {
    decoder?.stream.destroy();
    share.release();
    throw error;
  }
}

interface Collecting {
  readonly limit: number;
  /** The bytes that the share holds already. */
  readonly declared: number;
  readonly share: BodyShare;
  readonly inspect: (piece: Buffer) => void;
}

function collect(
  request: IncomingMessage,
  decoder: Decoder | undefined,
  { limit, declared, share, inspect }: Collecting,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const source = decoder?.stream ?? request;
    const pieces: Buffer[] = [];
    let bytes = 0;
    const stop = (error: unknown): void => {
      source.off('data', onData);
      // Not destroyed, so that the client gets an answer.
      if (!request.readableEnded) request.unpipe().pause();
      reject(error as Error);
    };
    const onData = (piece: Buffer): void => {
      bytes += piece.length;
      pieces.push(piece);
      if (bytes > limit) return stop(tooLarge(limit));
      try {
        inspect(piece);
      } catch (error) {
        return stop(error);
      }
      const admitted = bytes > declared ? share.add(piece.length) : undefined;
      if (admitted === undefined) return;
      source.pause();
      admitted.then(() => source.resume(), stop);
    };
    source.on('data', onData);
    source.on('end', () => resolve(pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces, bytes)));
    // `close` follows every `end`; without one before it, the client has disconnected.
    request.on('close', () => {
      if (!request.readableEnded) stop(new LaminaError('ABORTED', {}));
    });
    if (decoder === undefined) return;
    decoder.stream.on('error', (error) => stop(decoder.problem(error)));
    request.pipe(decoder.stream);
  });
}

function tooLarge(limit: number): LaminaError {
  return new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit });
}
