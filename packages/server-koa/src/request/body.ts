// Reads request bodies into memory within their limits, and parses JSON that is safe to parse.
import type { IncomingMessage } from 'node:http';
import { LaminaError, reasonOf, type JsonObject } from '@lamina/core';
import { defaultBodyLimit, defaultBodyMemoryLimit, type RouterOptions } from '../options.js';

/** The largest body of routes that are not inference, in bytes. */
export const maxSmallBody = 1024 * 1024;

/**
 * `[`, `{` and `,` in one JSON text: each begins a value, which takes up to 80 times the memory of its text once it is
 * parsed, and parsing blocks all other requests. A million values are parsed in about 0.1 s.
 */
const valueLimit = 1_000_000;

/** Levels of lists and objects: far more than requests have, far fewer than recursive code can handle. */
const depthLimit = 1_000;

/** The limits of a body. */
export interface BodyLimits {
  readonly memory: BodyMemory;
  /** The largest body, in bytes. */
  readonly bytes: number;
}

/** The limits of inference bodies. A body that is larger than all of the memory could never be read. */
export function bodyLimits({
  bodyLimit = defaultBodyLimit,
  bodyMemoryLimit = defaultBodyMemoryLimit,
}: RouterOptions): BodyLimits {
  return { memory: new BodyMemory(bodyMemoryLimit), bytes: Math.min(bodyLimit, bodyMemoryLimit) };
}

/** A body in memory. Release it in every case. */
export interface HeldBody {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * Reads a whole body. It is kept in memory because an engine that dies before it answers is replaced and asked again.
 * @throws LaminaError `BODY_TOO_LARGE` as soon as that is known, without reading on; `REQUEST_INVALID` for JSON with too
 * many values; `SERVER_OVERLOADED`; `ABORTED` when the client disconnects first
 */
export async function readBody(request: IncomingMessage, { memory, bytes: limit }: BodyLimits): Promise<HeldBody> {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > limit) throw tooLarge(limit);
  if (request.readableEnded) {
    throw new LaminaError('CONFIG_INVALID', {
      message: 'The body has already been read. Put the Lamina router before any body parser.',
    });
  }
  const share = memory.createShare();
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
    let values = 0;
    const stop = (error: unknown): void => {
      request.off('data', onData).pause();
      reject(error as Error);
    };
    const onData = (chunk: Buffer): void => {
      bytes += chunk.length;
      values += isForm ? 0 : countValues(chunk);
      chunks.push(chunk);
      if (bytes > limit) return stop(tooLarge(limit));
      if (values > valueLimit) return stop(tooManyValues());
      const admitted = bytes > declared ? share.add(chunk.length) : undefined;
      if (admitted === undefined) return;
      request.pause();
      admitted.then(() => request.resume(), stop);
    };
    request.on('data', onData);
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, bytes)));
    // `close` follows every `end`; without one before it, the client has disconnected.
    request.on('close', () => {
      if (!request.readableEnded) reject(new LaminaError('ABORTED', {}));
    });
  });
}

/** True for a multipart form, which may contain files. */
export function isMultipart(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('multipart/form-data') === true;
}

/**
 * Reads a body that is a JSON object, or empty.
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
  if (bytes.length === 0) throw invalid('The request has no body. Send a JSON object that names a model.');
  const value = parseJson(bytes, 'The body');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The body must be a JSON object.');
  return value as JsonObject;
}

/** Parses JSON from the network; `what` is the subject of the message. @throws LaminaError `REQUEST_INVALID` */
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
 * The check for JSON that was not read with {@link readBody}.
 * @throws LaminaError `REQUEST_INVALID` when it has too many values
 */
export function assertFewValues(bytes: Buffer): void {
  if (countValues(bytes) > valueLimit) throw tooManyValues();
}

/** Counts the characters that begin a value, also those in strings: only a parser could distinguish them. */
function countValues(bytes: Buffer): number {
  let count = 0;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === 0x2c || byte === 0x5b || byte === 0x7b) count++;
  }
  return count;
}

/** Not recursive, because deep values overflow the stack. */
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
    `The body has more than ${valueLimit} JSON values (each "[", "{" and "," counts as one). Send less at once.`,
  );
}

function invalid(message: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message });
}

/** How long a body waits for memory before its request is refused. */
const memoryWaitMs = 5_000;

/** The bytes that one request holds. Release them in every case. */
export interface BodyShare {
  /**
   * Adds bytes. `undefined` when there is enough memory; else a promise, rejected with `SERVER_OVERLOADED` after 5 s.
   */
  add(bytes: number): Promise<void> | undefined;
  /** Releases some bytes, or all of them for good, and admits waiting bodies. Safe to call twice. */
  release(bytes?: number): void;
}

interface WaitingBody {
  readonly bytes: number;
  readonly admit: () => void;
}

/** The memory that all request bodies of a server share. When it is full, bodies wait, first come, first served. */
export class BodyMemory {
  #held = 0;
  readonly #waiting: WaitingBody[] = [];

  constructor(
    /** In bytes. */
    readonly limit: number,
  ) {}

  /** A share for one request, empty at first. */
  createShare(): BodyShare {
    let own = 0;
    let isReleased = false;
    const hold = (bytes: number): void => {
      if (isReleased) return;
      own += bytes;
      this.#held += bytes;
    };
    return {
      add: (bytes) => {
        if (bytes === 0) return undefined;
        if (this.#waiting.length === 0 && this.#fits(bytes)) return void hold(bytes);
        return this.#wait(bytes, () => hold(bytes));
      },
      release: (bytes) => {
        isReleased ||= bytes === undefined;
        const released = Math.min(bytes ?? own, own);
        own -= released;
        this.#held -= released;
        this.#admitWaiting();
      },
    };
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.limit;
  }

  #wait(bytes: number, hold: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        clearTimeout(timer);
        hold();
        resolve();
      };
      const waiting = { bytes, admit };
      const refuse = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(
          new LaminaError('SERVER_OVERLOADED', { held_bytes: this.#held, limit_bytes: this.limit, retry_after: 1 }),
        );
        this.#admitWaiting();
      };
      const timer = setTimeout(refuse, memoryWaitMs).unref();
      this.#waiting.push(waiting);
    });
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.bytes); next = this.#waiting[0]) {
      this.#waiting.shift();
      next.admit();
    }
  }
}
