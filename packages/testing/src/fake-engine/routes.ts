// The HTTP API of a fake engine: routes of OpenAI, some of Anthropic and vLLM, and `/fake/*` for tests.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Behaviour } from './behaviour.js';
import { dialects } from './dialects.js';
import { Refusal, sendJson, sendRefusal } from './errors.js';
import { isDue } from './faults.js';
import { generate } from './generate.js';
import { readBody, readJob, vectorOf, type Body } from './requests.js';
import { report, type Engine } from './state.js';

/** Answers one request. */
export async function answer(engine: Engine, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0]!;
  try {
    if (path.startsWith('/fake/')) return await answerTest(engine, path, request, response);
    if (path === '/health') return answerHealth(engine, response);
    if (!engine.ready && !(engine.behaviour.ready_early && path === '/v1/models'))
      throw new Refusal(503, 'Loading model');
    if (path.startsWith('/v1/')) return await answerApi(engine, path, request, response);
    answerSleep(engine, path, response);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    sendRefusal(response, error, engine.behaviour);
  }
}

async function answerTest(
  engine: Engine,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (path === '/fake/state') return sendJson(response, 200, report(engine));
  if (path === '/fake/info') return sendJson(response, 200, infoOf(engine));
  if (path !== '/fake/behaviour' || request.method !== 'POST') throw new Refusal(404, 'Not found');
  engine.behaviour = { ...engine.behaviour, ...(JSON.parse(await text(request)) as Behaviour) };
  sendJson(response, 200, engine.behaviour);
}

function infoOf({ behaviour }: Engine): object {
  return { context_length: behaviour.context_length ?? 4096, parallel: behaviour.parallel, ids: behaviour.ids };
}

function answerHealth(engine: Engine, response: ServerResponse): void {
  const { no_health, hang_health, ready_early } = engine.behaviour;
  if (no_health) throw new Refusal(404, 'Not found');
  if (hang_health && engine.announced) return;
  if (!engine.ready && !ready_early) throw new Refusal(503, 'Loading model');
  engine.announced = true;
  sendJson(response, 200, { status: 'ok' });
}

function answerSleep(engine: Engine, path: string, response: ServerResponse): void {
  if (path === '/is_sleeping') return sendJson(response, 200, { is_sleeping: engine.asleep });
  if (path !== '/sleep' && path !== '/wake_up') throw new Refusal(404, 'Not found');
  engine.asleep = path === '/sleep';
  sendJson(response, 200, {});
}

async function answerApi(
  engine: Engine,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isAuthorized(engine, request)) throw new Refusal(401, 'Invalid API Key');
  if (path === '/v1/models') return answerModels(engine, response);
  if (request.method !== 'POST') throw new Refusal(404, 'Not found');
  const raw = await text(request);
  engine.requests += 1;
  engine.last = { method: request.method, path, headers: request.headers, body: readBody(raw) ?? raw };
  if (engine.asleep) throw new Refusal(503, 'The engine is asleep');
  if (engine.behaviour.status !== undefined)
    throw new Refusal(engine.behaviour.status, `Told to answer ${engine.behaviour.status}`);
  await compute(engine, response, (signal) => answerInference(engine, path, raw, response, signal));
}

function isAuthorized(engine: Engine, request: IncomingMessage): boolean {
  return (
    engine.key === undefined ||
    engine.behaviour.any_key === true ||
    request.headers.authorization === `Bearer ${engine.key}`
  );
}

function answerModels(engine: Engine, response: ServerResponse): void {
  engine.announced = true;
  const data = (engine.behaviour.ids ?? [engine.model]).map((id) => ({
    id,
    object: 'model',
    created: 1,
    owned_by: 'fake',
  }));
  sendJson(response, 200, { object: 'list', data });
}

/** Processes a request when a slot is free; stops when the client disconnects. */
async function compute(
  engine: Engine,
  response: ServerResponse,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const signal = untilClientLeaves(engine, response);
  try {
    await takePlace(engine, signal);
    try {
      await run(signal);
      if (response.writableFinished) engine.finished += 1;
    } finally {
      engine.busy -= 1;
      engine.free.emit('place');
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function untilClientLeaves(engine: Engine, response: ServerResponse): AbortSignal {
  const left = new AbortController();
  response.once('close', () => {
    if (response.writableFinished) return;
    engine.aborted += 1;
    if (!engine.behaviour.keep_generating) left.abort();
  });
  return left.signal;
}

async function takePlace(engine: Engine, signal: AbortSignal): Promise<void> {
  engine.waiting += 1;
  try {
    while (engine.busy >= (engine.behaviour.parallel ?? Infinity)) await once(engine.free, 'place', { signal });
  } finally {
    engine.waiting -= 1;
  }
  engine.busy += 1;
  engine.most_busy = Math.max(engine.most_busy, engine.busy);
}

async function answerInference(
  engine: Engine,
  path: string,
  raw: string,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const body = readBody(raw);
  if (body === undefined) throw new Refusal(400, 'The body is not a JSON object');
  if (engine.behaviour.refuse_user && 'user' in body) throw new Refusal(400, 'The field "user" is not allowed');
  const model = modelOf(engine, body);
  const dialect = dialects[path];
  if (dialect !== undefined) {
    const crashes = engine.behaviour.crash !== undefined && isDue(engine.behaviour);
    const onSent = (bytes: number) => void (engine.sent_bytes += bytes);
    return generate(readJob(body, { behaviour: engine.behaviour, dialect, model, crashes, onSent }), response, signal);
  }
  if (path === '/v1/embeddings') return sendJson(response, 200, embeddings(model, body));
  if (path === '/v1/rerank') return sendJson(response, 200, ranking(model, body));
  throw new Refusal(404, 'Not found');
}

function modelOf(engine: Engine, body: Body): string {
  const { ids } = engine.behaviour;
  if (ids === undefined) return engine.model;
  if (typeof body.model === 'string' && ids.includes(body.model)) return body.model;
  throw new Refusal(404, `The model "${String(body.model)}" does not exist`);
}

function embeddings(model: string, body: Body): object {
  const inputs = typeof body.input === 'string' ? [body.input] : body.input;
  if (!Array.isArray(inputs) || inputs.length === 0)
    throw new Refusal(400, '"input" must be a text or a list of texts');
  const data = inputs.map((input, index) => ({ object: 'embedding', index, embedding: vectorOf(String(input)) }));
  return { object: 'list', model, data, usage: { prompt_tokens: inputs.length, total_tokens: inputs.length } };
}

/** The more words of the query a document has, the higher it ranks. */
function ranking(model: string, body: Body): object {
  const { query, documents } = body;
  if (typeof query !== 'string' || !Array.isArray(documents))
    throw new Refusal(400, '"query" and "documents" are required');
  const words = new Set(query.split(/\s+/));
  const results = documents.map((document, index) => ({
    index,
    relevance_score: String(document)
      .split(/\s+/)
      .filter((word) => words.has(word)).length,
  }));
  results.sort((left, right) => right.relevance_score - left.relevance_score);
  return { object: 'list', model, results, usage: { prompt_tokens: documents.length, total_tokens: documents.length } };
}
