// HTTP clients that chat: complete responses, streams, slow readers, completions and embeddings; some
// disconnect early.
import { setTimeout as delay } from 'node:timers/promises';
import {
  attempt,
  parseAnswer,
  pick,
  pickModel,
  ErrorResponse,
  repeat,
  WrongResponse,
  type Attempt,
  type Chaos,
  type ErrorDetails,
} from './context.js';
import { embedder, knownAnswer, knownLongAnswer, longTokens, steadyModel } from './models.js';
import { keys } from './settings.js';

/** The pause of a steady client after an error. */
const refusedRestMs = 500;

interface ChatChunk {
  readonly error?: { readonly code: string; readonly message: string; readonly details?: ErrorDetails };
  readonly choices?: readonly {
    readonly delta: { readonly content?: string | null };
    readonly finish_reason?: string | null;
  }[];
}

/** One client that chats in every way, one after the other. */
export function chatClient(chaos: Chaos): Promise<void> {
  const ways = [
    completeChat,
    completeChat,
    stream,
    stream,
    longStream,
    slowReader,
    completion,
    embedding,
    disconnectingClient,
    disconnectingClient,
  ];
  return repeat(chaos, 200, () => pick(chaos, ways)(chaos));
}

/** One client of a steady stream: it asks one model again and again, without a pause. */
export function steadyClient(chaos: Chaos): Promise<void> {
  return repeat(chaos, 0, async () => {
    const answered = await attempt(chaos, { client: 'chat, steady', model: steadyModel }, (signal) =>
      readChat(chaos, steadyModel, { signal }),
    );
    if (!answered) await delay(refusedRestMs, undefined, { signal: chaos.over });
  });
}

/** The first vector of the embedding model; all later ones must be close to it. */
let knownVector: readonly number[] | undefined;

function completeChat(chaos: Chaos, cancelAfter?: number): Promise<boolean> {
  const model = pickModel(chaos);
  return attempt(chaos, { client: 'chat', model, ...withDisconnect(cancelAfter) }, async (signal) => {
    const body = { model, messages: [{ role: 'user', content: 'hi' }], temperature: 0, max_tokens: 64 };
    const { status, text } = await chaos.http.fetchText(chaos.server.url, {
      path: '/v1/chat/completions',
      key: keys.inference,
      body,
      signal,
    });
    const answer = parseAnswer(status, text) as { choices: { message: { content: string }; finish_reason: string }[] };
    expectText(answer.choices[0]?.message.content, knownAnswer(model));
  });
}

function stream(chaos: Chaos): Promise<boolean> {
  const model = pickModel(chaos);
  return attempt(chaos, { client: 'chat, streamed', model }, (signal) => readChat(chaos, model, { signal }));
}

function longStream(chaos: Chaos): Promise<boolean> {
  const model = chaos.random() < 0.5 ? 'slow' : pickModel(chaos);
  return attempt(chaos, { client: 'chat, long stream', model }, (signal) =>
    readChat(chaos, model, { signal, long: true }),
  );
}

function slowReader(chaos: Chaos): Promise<boolean> {
  const model = pickModel(chaos);
  const pauseMs = 500 + chaos.random() * 2000;
  return attempt(chaos, { client: 'chat, slow reader', model }, (signal) =>
    readChat(chaos, model, { signal, long: true, pauseMs }),
  );
}

/** Disconnects while the request waits, or during its response. */
function disconnectingClient(chaos: Chaos): Promise<boolean> {
  const cancelAfter = chaos.random() * 1500;
  if (chaos.random() < 0.3) return completeChat(chaos, cancelAfter);
  const model = pickModel(chaos);
  const of: Attempt = { client: 'chat, leaves', model, cancelAfter };
  return attempt(chaos, of, (signal) => readChat(chaos, model, { signal, long: true }));
}

/** Reads a streamed chat to its end and checks it. */
export async function readChat(
  chaos: Chaos,
  model: string,
  how: { signal: AbortSignal; long?: boolean; pauseMs?: number },
): Promise<void> {
  const { signal, long = false, pauseMs } = how;
  const known = long ? knownLongAnswer(model) : knownAnswer(model);
  const content = long ? '/count' : 'hi';
  const body = {
    model,
    stream: true,
    messages: [{ role: 'user', content }],
    temperature: 0,
    max_tokens: long ? longTokens : 64,
  };
  const seen = { text: '', done: false, error: undefined as ChatChunk['error'] };
  const onData = (data: string) => {
    if (seen.done || seen.error !== undefined)
      throw new WrongResponse(`an event after the last one: ${data.slice(0, 100)}`);
    if (data === '[DONE]') return void (seen.done = true);
    const chunk = JSON.parse(data) as ChatChunk;
    seen.error = chunk.error;
    seen.text += chunk.choices?.[0]?.delta.content ?? '';
  };
  const ask = { path: '/v1/chat/completions', key: keys.inference, body, signal };
  try {
    const { status, text } = await chaos.http.stream(chaos.server.url, ask, onData, pauseMs);
    if (status !== 200) parseAnswer(status, text);
    if (seen.error === undefined && !seen.done)
      throw new WrongResponse(`a stream that ended cleanly without [DONE] after "${seen.text.slice(-60)}"`);
    if (seen.error !== undefined) throw new WrongResponse(`a clean end after the error ${seen.error.code}`);
  } catch (error) {
    if (!known.startsWith(seen.text.trimStart()))
      throw new WrongResponse(`"${seen.text.slice(0, 80)}" is no beginning of "${known.slice(0, 80)}"`);
    if (seen.error !== undefined && !(error instanceof WrongResponse))
      throw new ErrorResponse(seen.error.code, 200, seen.error.message, seen.error.details);
    throw error;
  }
  expectText(seen.text, known);
}

function completion(chaos: Chaos): Promise<boolean> {
  const model = pickModel(chaos);
  return attempt(chaos, { client: 'completion', model }, async (signal) => {
    const body = { model, prompt: 'x', temperature: 0, max_tokens: 64 };
    const { status, text } = await chaos.http.fetchText(chaos.server.url, {
      path: '/v1/completions',
      key: keys.inference,
      body,
      signal,
    });
    const answer = parseAnswer(status, text) as { choices: { text: string }[] };
    expectText(answer.choices[0]?.text, knownAnswer(model));
  });
}

function embedding(chaos: Chaos): Promise<boolean> {
  return attempt(chaos, { client: 'embedding', model: embedder }, async (signal) => {
    const body = { model: embedder, input: 'one', encoding_format: 'float' };
    const { status, text } = await chaos.http.fetchText(chaos.server.url, {
      path: '/v1/embeddings',
      key: keys.inference,
      body,
      signal,
    });
    const vector = (parseAnswer(status, text) as { data: { embedding: number[] }[] }).data[0]?.embedding;
    if (vector === undefined || vector.length === 0) throw new WrongResponse(`no vector: ${text.slice(0, 100)}`);
    knownVector ??= vector;
    const far = knownVector.some((value, index) => Math.abs(value - vector[index]!) > 1e-3);
    if (far || vector.length !== knownVector.length)
      throw new WrongResponse(`another vector: ${vector.slice(0, 4).join(' ')}`);
  });
}

/** @throws Wrong */
export function expectText(text: string | undefined, known: string): void {
  if (text?.trim() !== known) throw new WrongResponse(`"${text?.slice(0, 120)}" in place of "${known.slice(0, 80)}"`);
}

function withDisconnect(cancelAfter: number | undefined): { cancelAfter?: number } {
  return cancelAfter === undefined ? {} : { cancelAfter };
}
