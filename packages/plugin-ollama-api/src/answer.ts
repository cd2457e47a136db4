// The answer of an engine as lines of Ollama's API, or as one object.
import { isMapping, LaminaError, parseJson, type InferenceStream } from '@lamina/core/plugin';
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
  // For a client that waits: it ignores a line without text.
  const onSilence = (): object => ({ ...lineHead(asked.model), ...answer.write({}), done: false });
  return ctx.stream(linesOf(asked.model, answer), { as: 'ndjson', onSilence });
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
  const calls = callsOf(answer);
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
  const calls = callsOf(answer);
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

/**
 * The tool calls, whole: clients expect `arguments` as an object. One that the limit of tokens cut is left out.
 * @throws LaminaError when the model wrote no object
 */
function callsOf<Chunk>({ reader, stream }: Answer<Chunk>): Part['calls'] {
  const calls = reader.calls.flatMap(({ id, name, text }, index) => {
    const given = argumentsIn(text);
    if (given === undefined && stream.finishReason === 'length') return [];
    if (given === undefined) throw notAnObject(name, text);
    return { id, function: { index, name, arguments: given } };
  });
  return calls.length === 0 ? undefined : calls;
}

/** `undefined` for what is not the JSON of an object. */
function argumentsIn(text: string): object | undefined {
  const value = parseJson(text === '' ? '{}' : text);
  return isMapping(value) ? value : undefined;
}

function notAnObject(name: string, text: string): LaminaError {
  const message = `The model called "${name}" with arguments that are not a JSON object: ${text.slice(0, 200)}`;
  return new LaminaError('ENGINE_REFUSED', { message });
}
