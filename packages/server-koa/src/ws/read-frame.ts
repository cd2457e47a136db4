// Reads a message of a client: JSON, a known type, the fields of that type.
import { LaminaError, check, describeProblems, nearestHint } from '@lamina/core';
import { clientFrameSchemas, type ClientFrame } from '@lamina/core/protocol';
import { maxSmallBody } from '../request/body.js';
import { parseJson, valueCounter } from '../request/json.js';

/** The longest id, as in the schemas of frames. */
const maxIdLength = 128;

/** A frame, or the problem with it. `id` is set when it could be read, for the reply. */
export type ReadFrame =
  | { readonly id: string | undefined; readonly frame: ClientFrame }
  | { readonly id: string | undefined; readonly problem: LaminaError };

/** Reads one message. */
export function readFrame(bytes: Buffer, isBinary: boolean, limit: number): ReadFrame {
  if (bytes.length > limit) return { id: undefined, problem: tooLarge(limit) };
  let id: string | undefined;
  try {
    const value = parse(bytes, isBinary);
    if (typeof value['id'] === 'string' && value['id'] !== '' && value['id'].length <= maxIdLength) id = value['id'];
    const frame = checked(value);
    if (frame.type !== 'chat.start' && bytes.length > maxSmallBody) throw tooLarge(maxSmallBody);
    return { id, frame };
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

function checked(value: Record<string, unknown>): ClientFrame {
  const { type } = value;
  if (typeof type !== 'string') throw invalid('A frame must have a "type".', 'type');
  if (!Object.hasOwn(clientFrameSchemas, type))
    throw invalid(
      `Unknown frame type "${type.slice(0, 60)}"; ${nearestHint(type.slice(0, 60), Object.keys(clientFrameSchemas))}`,
      'type',
    );
  const problems = check(clientFrameSchemas[type as keyof typeof clientFrameSchemas], value);
  if (problems.length > 0)
    throw invalid(
      `The frame "${type}" is invalid: ${describeProblems(problems)}.`,
      problems[0]!.path.join('.') || undefined,
    );
  return value as ClientFrame;
}

function tooLarge(limit: number): LaminaError {
  return new LaminaError('BODY_TOO_LARGE', { limit_bytes: limit });
}

function invalid(message: string, param?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', param === undefined ? { message } : { message, param });
}
