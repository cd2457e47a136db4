// Reads request bodies into memory within their limits, and parses JSON that is safe to parse.
import type { IncomingMessage } from 'node:http';
import { LaminaError, reasonOf, type JsonObject } from '@lamina/core';
import { defaultBodyLimit, defaultBodyMemoryLimit, type RouterOptions } from '../options.js';
import { BodyMemory, type BodyShare } from './body-memory.js';

/** The largest body, in bytes, of routes that are not inference. */
export const smallBodyLimit = 1024 * 1024;

/**
 * `[`, `{` and `,` in one JSON text: each begins a value, which takes up to 80 times the memory of its text once it is
 * parsed, and parsing blocks everybody else. A million is parsed in about 0.1 s.
 */
const structureLimit = 1_000_000;

/** Levels of lists and objects; far above what requests have, far below what recursive code can take. */
const depthLimit = 1_000;

/** What a body may be. */
export interface BodyLimits {
  readonly memory: BodyMemory;
  /** Bytes of this body. */
  readonly bytes: number;
}

/**
 * The limits of inference bodies, with memory of their own. A body larger than all of the memory could never be read.
 */
export function bodyLimits({
  bodyLimit = defaultBodyLimit,
  bodyMemoryLimit = defaultBodyMemoryLimit,
}: RouterOptions): BodyLimits {
  return { memory: new BodyMemory(bodyMemoryLimit), bytes: Math.min(bodyLimit, bodyMemoryLimit) };
}

/** A body in memory, until it is released. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * The whole body. It is kept because an engine that dies before it answers is replaced and asked again.
 * @throws LaminaError `BODY_TOO_LARGE` as soon as that is clear, without reading on; `REQUEST_INVALID` for JSON of too
 * many values; `SERVER_OVERLOADED`; `ABORTED` when the client leaves first
 */
export async function readBody(request: IncomingMessage, { memory, bytes: limit }: BodyLimits): Promise<HeldBody> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  if (request.readableEnded) {
    throw new LaminaError('CONFIG_INVALID', {
      message: 'Something read the body before Lamina could: put the Lamina router before any body parser.',
    });
  }
  const share = memory.open();
  try {
    await share.add(declared);
    if (request.destroyed) throw new LaminaError('ABORTED', {});
    const bytes = await collect(request, limit, declared, share);
    return { bytes, release: () => share.release() };
  } catch (error) {
    share.release();
    throw error;
  }
}

function collect(request: IncomingMessage, limit: number, declared: number, share: BodyShare): Promise<Buffer> {
  const isForm = isMultipart(request.headers['content-type']);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let structure = 0;
    const stop = (error: unknown): void => {
      request.off('data', onData).pause();
      reject(error as Error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      structure += isForm ? 0 : structureOf(chunk);
      chunks.push(chunk);
      if (bytes > limit) return stop(tooLarge(limit));
      if (structure > structureLimit) return stop(tooManyValues());
      const room = bytes > declared ? share.add(chunk.length) : undefined;
      if (room === undefined) return;
      request.pause();
      room.then(() => request.resume(), stop);
    };
    request.on('data', onData);
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
    // Comes after every end; only before it does it say that the client has left.
    request.on('close', () => {
      if (!request.readableEnded) reject(new LaminaError('ABORTED', {}));
    });
  });
}

/** True for a form with parts, which may hold files. */
export function isMultipart(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('multipart/form-data') === true;
}

/**
 * Reads a body that is a JSON object, or nothing, and releases it.
 * @throws LaminaError what {@link readBody} and {@link parseObject} throw
 */
export async function readObject(request: IncomingMessage, limits: BodyLimits): Promise<JsonObject | undefined> {
  const { bytes, release } = await readBody(request, limits);
  try {
    return bytes.length === 0 ? undefined : parseObject(bytes);
  } finally {
    release();
  }
}

/** @throws LaminaError `REQUEST_INVALID` when it is not a JSON object, or is nested too deeply */
export function parseObject(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('The request has no body; send a JSON object that names a model.');
  const value = parseJson(bytes, 'The body');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The body must be a JSON object.');
  return value as JsonObject;
}

/** Parses JSON from the network; `what` begins the message. @throws LaminaError `REQUEST_INVALID` */
export function parseJson(bytes: Buffer, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch (error) {
    throw invalid(`${what} is not JSON: ${reasonOf(error)}.`);
  }
  if (isDeeperThan(value, depthLimit)) throw invalid(`${what} is nested more than ${depthLimit} levels deep.`);
  return value;
}

/**
 * For JSON that did not come through {@link readBody}.
 * @throws LaminaError `REQUEST_INVALID` when it has too many values
 */
export function assertFewValues(bytes: Buffer): void {
  if (structureOf(bytes) > structureLimit) throw tooManyValues();
}

/** Counts what begins a value. Text in strings is counted too: to tell it apart would mean to parse. */
function structureOf(bytes: Buffer): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === 0x2c || byte === 0x5b || byte === 0x7b) count++;
  }
  return count;
}

/** Walks level by level, because recursion is what deep values break. */
function isDeeperThan(value: unknown, limit: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === limit) return true;
    const next: object[] = [];
    for (const container of level) {
      for (const member of Array.isArray(container) ? container : Object.values(container)) {
        if (isContainer(member)) next.push(member);
      }
    }
    level = next;
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function tooLarge(limit: number): LaminaError {
  return new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit });
}

function tooManyValues(): LaminaError {
  return invalid(
    `The body has more than ${structureLimit} JSON values (each "[", "{" and "," counts as one); send less at once.`,
  );
}

function invalid(message: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message });
}
