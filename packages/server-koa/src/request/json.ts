// Parses JSON from the network, after checks that it is safe to parse.
import { LaminaError, reasonOf, type JsonObject } from '@lamina/core';

/**
 * `[`, `{` and `,` in one JSON text: each begins a value, which takes up to 80 times the memory of its text once it is
 * parsed, and parsing blocks all other requests. A million values are parsed in about 0.1 s.
 */
const valueLimit = 1_000_000;

/** Levels of lists and objects: far more than requests have, far fewer than recursive code can handle. */
const depthLimit = 1_000;

/** UTF-8's byte order mark, which .NET and PowerShell write and JSON.parse refuses. */
const byteOrderMark = Buffer.from('\ufeff');

/** @throws LaminaError `REQUEST_INVALID` when it is not a JSON object, or is nested too deeply */
export function parseObject(bytes: Buffer): JsonObject {
  if (bytes.length === 0) throw invalid('The request has no body. Send a JSON object that names a model.', 'model');
  const value = parseJson(bytes, 'The body');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('The body must be a JSON object.');
  return value as JsonObject;
}

/** Parses JSON from the network; `what` is the subject of the message. @throws LaminaError `REQUEST_INVALID` */
export function parseJson(bytes: Buffer, what: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(bytes).toString());
  } catch (error) {
    throw invalid(`${what} is not JSON: ${reasonOf(error)}.`);
  }
  if (isDeeperThan(value, depthLimit)) throw invalid(`${what} is nested more than ${depthLimit} levels deep.`);
  return value;
}

/** The text without a byte order mark. */
export function withoutMark(bytes: Buffer): Buffer {
  return bytes.subarray(0, byteOrderMark.length).equals(byteOrderMark) ? bytes.subarray(byteOrderMark.length) : bytes;
}

/**
 * Counts the values of a JSON text piece by piece.
 * @throws LaminaError `REQUEST_INVALID`, from the function, as soon as there are too many
 */
export function valueCounter(): (bytes: Buffer) => void {
  let values = 0;
  return (bytes) => {
    values += countValues(bytes);
    if (values > valueLimit)
      throw invalid(
        `The body has more than ${valueLimit} JSON values (each "[", "{" and "," counts as one). Send less at once.`,
      );
  };
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

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}
