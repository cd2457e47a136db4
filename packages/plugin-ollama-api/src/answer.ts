// The answer of an engine as lines of Ollama's API, or as one object.
import { LaminaError, type InferenceStream } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';
import type { ChunkReader, Part } from './chunk-readers.js';
import type { Timing, Timings } from './timing.js';

/** What an answer is made of. */
export interface Answer<Chunk> {
  readonly stream: InferenceStream<Chunk>;
  readonly reader: ChunkReader<Chunk>;
  readonly timing: Timing;
  /** The members that hold a part: `message`, or `response` and `thinking`. */
  write(part: Part): object;
}

/** What the client asked for. */
export interface Asked {
  /** As the client wrote it. */
  readonly model: string;
  /** Default true. */
  readonly stream?: boolean | null;
}

/** Responds with lines, or with one object where the client asks for no stream. */
export async function respond<Chunk extends object>(
  ctx: HttpContext,
  asked: Asked,
  answer: Answer<Chunk>,
): Promise<unknown> {
  if (asked.stream === false) return wholeOf(asked.model, answer);
  return ctx.stream(linesOf(asked.model, answer), { as: 'ndjson' });
}

/** The members that every line and object begins with. */
export function lineHead(model: string): { readonly model: string; readonly created_at: string } {
  return { model, created_at: new Date().toISOString() };
}

async function* linesOf<Chunk extends object>(model: string, answer: Answer<Chunk>): AsyncGenerator<object> {
  const { stream, reader, timing, write } = answer;
  let timings: Timings | undefined;
  for await (const chunk of stream) {
    timing.chunk();
    timings = timingsOf(chunk) ?? timings;
    const part = reader.read(chunk);
    if (part !== undefined) yield { ...lineHead(model), ...write(part), done: false };
  }
  const calls = callsOf(reader);
  if (calls !== undefined) yield { ...lineHead(model), ...write({ calls }), done: false };
  yield { ...lineHead(model), ...write({}), ...endOf(answer, timings) };
}

async function wholeOf<Chunk extends object>(model: string, answer: Answer<Chunk>): Promise<object> {
  const { stream, reader, timing, write } = answer;
  let timings: Timings | undefined;
  let text = '';
  let thinking = '';
  for await (const chunk of stream) {
    timing.chunk();
    timings = timingsOf(chunk) ?? timings;
    const part = reader.read(chunk);
    text += part?.text ?? '';
    thinking += part?.thinking ?? '';
  }
  const calls = callsOf(reader);
  const whole = { text, ...(thinking && { thinking }), ...(calls && { calls }) };
  return { ...lineHead(model), ...write(whole), ...endOf(answer, timings) };
}

function endOf<Chunk>({ stream, timing }: Answer<Chunk>, timings: Timings | undefined): object {
  return {
    done: true,
    done_reason: stream.finishReason === 'length' ? 'length' : 'stop',
    ...timing.end(stream.usage, timings),
  };
}

function timingsOf(chunk: object): Timings | undefined {
  return (chunk as { timings?: Timings }).timings;
}

/** The tool calls, whole: clients expect `arguments` as an object. @throws LaminaError when the model wrote no object */
function callsOf({ calls }: ChunkReader<never>): Part['calls'] {
  if (calls.length === 0) return undefined;
  return calls.map(({ id, name, text }, index) => ({
    id,
    function: { index, name, arguments: argumentsOf(name, text) },
  }));
}

function argumentsOf(name: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Told below.
  }
  const message = `The model called "${name}" with arguments that are not a JSON object: ${text.slice(0, 200)}`;
  throw new LaminaError('ENGINE_REFUSED', { message });
}
