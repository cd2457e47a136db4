// Reads and validates requests to a fake engine.
import { createHash } from 'node:crypto';
import type { Dialect } from './dialects.js';
import { Refusal } from './errors.js';
import type { Job } from './generate.js';

/** A JSON object that is not checked any further. */
export type Body = Readonly<Record<string, unknown>>;

/** The body as an object; `undefined` when it is not one. */
export function readBody(text: string): Body | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
  } catch {
    return undefined;
  }
}

/** What to generate. */
export function readJob(body: Body, about: Pick<Job, 'behaviour' | 'dialect' | 'model' | 'crashes' | 'onSent'>): Job {
  const limit = body.max_tokens ?? body.max_completion_tokens ?? body.max_output_tokens;
  if (limit !== undefined && !Number.isInteger(limit)) throw new Refusal(400, '"max_tokens" must be a whole number');
  if (body.stream !== undefined && typeof body.stream !== 'boolean')
    throw new Refusal(400, '"stream" must be true or false');
  return {
    ...about,
    prompt: promptOf(body, about.dialect),
    stream: body.stream === true,
    includeUsage: (body.stream_options as Body | undefined)?.include_usage === true,
    limit: limit === undefined ? Infinity : Number(limit),
  };
}

function promptOf(body: Body, { input }: Dialect): string {
  const value = body[input];
  if (value === undefined) throw new Refusal(400, `"${input}" is required`);
  if (typeof value === 'string' && input !== 'messages') return value;
  if (!Array.isArray(value)) throw new Refusal(400, `"${input}" must be a list`);
  const last = (value.at(-1) as Body | undefined)?.content ?? '';
  return typeof last === 'string' ? last : JSON.stringify(last);
}

/** Eight numbers from -1 to 1, the same for the same text. */
export function vectorOf(text: string): number[] {
  return Array.from(createHash('sha256').update(text).digest().subarray(0, 8), (byte) => byte / 127.5 - 1);
}
