// Reads a request's body into memory, up to a limit.
import type { IncomingMessage } from 'node:http';
import { LaminaError } from '@lamina/core';

/**
 * The whole body. It is kept because an engine that dies before it answers is replaced and asked again.
 * @throws LaminaError `BODY_TOO_LARGE` as soon as that is clear, without reading on; `ABORTED` when the client leaves first
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return Promise.reject(new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit }));
  if (request.readableEnded) {
    return Promise.reject(new LaminaError('CONFIG_INVALID', { message: 'Something read the body before Lamina could: put the Lamina router before any body parser.' }));
  }
  if (request.destroyed) return Promise.reject(new LaminaError('ABORTED', {}));
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= limit) return;
      request.off('data', onData).pause();
      reject(new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit }));
    };
    request.on('data', onData);
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
    // Comes after every end; only before it does it say that the client has left.
    request.on('close', () => {
      if (!request.readableEnded) reject(new LaminaError('ABORTED', {}));
    });
  });
}
