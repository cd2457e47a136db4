// Generates the response to an inference request in chunks, with the configured pauses and faults.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Behaviour } from './behaviour.js';
import type { Answer, Dialect } from './dialects.js';
import { sendJson } from './errors.js';
import { crash } from './faults.js';

/** A validated request. */
export interface Job {
  readonly behaviour: Behaviour;
  readonly dialect: Dialect;
  readonly model: string;
  readonly prompt: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  /** Maximum number of chunks. */
  readonly limit: number;
  /** Whether the configured crash happens in this request. */
  readonly crashes: boolean;
  /** Called when bytes of a stream have been taken. */
  onSent(bytes: number): void;
}

/** Generates the response. Throws when the signal is aborted because the client disconnected. */
export async function generate(job: Job, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (job.crashes && job.behaviour.crash === 'before_header') crash();
  if (job.stream) await sendStream(job, response, signal);
  else await sendWhole(job, response, signal);
  if (job.crashes && job.behaviour.crash === 'after_answer') crash();
}

async function sendWhole(job: Job, response: ServerResponse, signal: AbortSignal): Promise<void> {
  let text = '';
  let count = 0;
  for await (const piece of pieces(job, signal)) {
    text += piece;
    count += 1;
    if (job.crashes && job.behaviour.crash === 'mid_stream' && count === crashChunks(job)) crash();
  }
  const body = job.dialect.whole(answerOf(job, text, count));
  if (job.behaviour.wrong_length) return sendShort(response, body);
  sendJson(response, 200, body);
  await finished(response);
}

/** Promises ten bytes more than it sends, then closes the connection. */
async function sendShort(response: ServerResponse, body: object): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length + 10 });
  await written(response, bytes);
  response.destroy();
}

async function sendStream(job: Job, response: ServerResponse, signal: AbortSignal): Promise<void> {
  response.writeHead(200, { 'content-type': job.behaviour.content_type ?? 'text/event-stream' });
  if (job.behaviour.at_once) response.cork(); // Until `end`.
  let text = '';
  let count = 0;
  for (const frame of job.dialect.open(answerOf(job, '', 0))) await written(response, frame);
  const { reasoning } = job.behaviour;
  if (reasoning !== undefined && job.dialect.reasoning !== undefined)
    await written(response, job.dialect.reasoning(answerOf(job, '', 0), reasoning));
  for await (const piece of pieces(job, signal)) {
    text += piece;
    count += 1;
    const frame = job.dialect.chunk(answerOf(job, text, count), piece);
    await written(response, frame);
    job.onSent(frame.length);
    if (job.crashes && job.behaviour.crash === 'mid_stream' && count === crashChunks(job)) crash();
    if (count === job.behaviour.cut_chunks) return void response.destroy();
  }
  const last = job.dialect
    .close(answerOf(job, text, count))
    .filter((frame) => !(job.behaviour.no_done && frame.includes('[DONE]')));
  response.end(last.join(''));
  await finished(response);
}

/**
 * The text in pieces: the model's name, then numbers, so that a reader sees who answers and whether a piece is missing.
 */
async function* pieces(job: Job, signal: AbortSignal): AsyncGenerator<string> {
  const endless = job.prompt.includes('/count');
  const wanted = Math.min(job.limit, endless ? Infinity : (job.behaviour.chunks ?? 5));
  for (let index = 0; index < wanted; index++) {
    await pause(job.behaviour.chunk_ms ?? 0, signal);
    const piece = index === 0 ? `${job.model}:` : ` ${index}`;
    yield piece.padEnd(job.behaviour.chunk_bytes ?? 0, '.');
  }
}

/** Yields to other requests and to disconnects, even without a pause. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0) await setImmediate();
  else await setTimeout(ms, undefined, { signal });
  signal.throwIfAborted();
}

function answerOf(job: Job, text: string, count: number): Answer {
  const finish = count >= job.limit ? 'length' : 'stop';
  return {
    id: 'fake-1',
    model: job.model,
    text,
    finish,
    promptTokens: job.prompt.length,
    completionTokens: count,
    includeUsage: job.includeUsage,
  };
}

function crashChunks(job: Job): number {
  return job.behaviour.crash_chunks ?? 2;
}

/**
 * Resolves when the bytes have left this process, so that a crash right after cannot swallow them, and a slow reader
 * slows the engine; or when there is nobody any more to read them.
 */
async function written(response: ServerResponse, bytes: string | Buffer): Promise<void> {
  if (response.destroyed) return;
  if (response.writableCorked > 0) return void response.write(bytes);
  await new Promise<void>((resolve) => {
    const end = () => {
      response.off('close', end);
      resolve();
    };
    // A write that the connection did not take before it closed never calls back.
    response.once('close', end);
    response.write(bytes, end);
  });
}

async function finished(response: ServerResponse): Promise<void> {
  if (!response.writableFinished && !response.destroyed)
    await Promise.race([once(response, 'finish'), once(response, 'close')]);
}
