// Reads a message of a client: JSON, a known type, the fields of that type.
import { LaminaError, nearestHint } from '@lamina/core';
import { maxSmallBody } from '../request/body.js';
import { parseJson, valueCounter } from '../request/json.js';
import { requireValid } from '../request/require-valid.js';
import type { FrameTable, KnownFrame } from './frames/table.js';

/** The longest id, as in the schemas of frames. */
const maxIdLength = 128;

/** What a connection accepts. */
export interface AcceptedFrames {
  readonly table: FrameTable;
  /** The largest frame, in bytes. */
  readonly maxBytes: number;
}

/** A frame that its schema accepts. */
export interface CheckedFrame {
  readonly type: string;
  readonly id: string;
}

/** A frame and its row of the table, or the problem with it. `id` is set when it could be read, for the reply. */
export type ReadFrame =
  | { readonly id: string | undefined; readonly frame: CheckedFrame; readonly known: KnownFrame }
  | { readonly id: string | undefined; readonly problem: LaminaError };

/** Reads one message. */
export function readFrame(bytes: Buffer, isBinary: boolean, { table, maxBytes }: AcceptedFrames): ReadFrame {
  if (bytes.length > maxBytes) return { id: undefined, problem: tooLarge(maxBytes) };
  let id: string | undefined;
  try {
    const value = parse(bytes, isBinary);
    if (typeof value['id'] === 'string' && value['id'] !== '' && value['id'].length <= maxIdLength) id = value['id'];
    const known = knownFrame(value, table);
    if (known.isLarge !== true && bytes.length > maxSmallBody) throw tooLarge(maxSmallBody);
    return { id, frame: value as unknown as CheckedFrame, known };
  } catch (error) {
    return { id, problem: LaminaError.from(error) };
  }
}

function parse(bytes: Buffer, isBinary: boolean): Record<string, unknown> {
  if (isBinary) throw invalid('A frame is JSON in a text message. This message is binary.');
  valueCounter()(bytes);
  const value = parseJson(bytes, 'The frame');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('A frame is a JSON object with "type" and "id".');
  return value as Record<string, unknown>;
}

function knownFrame(value: Record<string, unknown>, table: FrameTable): KnownFrame {
  const { type } = value;
  if (typeof type !== 'string') throw invalid('A frame must have a "type".', 'type');
  const known = table.get(type);
  if (known === undefined) {
    const given = type.slice(0, 60);
    throw invalid(`Unknown frame type "${given}"; ${nearestHint(given, [...table.keys()])}`, 'type');
  }
  requireValid(known.schema, value, `The frame "${type}" is invalid:`);
  return known;
}

function tooLarge(limit: number): LaminaError {
  return new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit });
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}
