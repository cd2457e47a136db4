// The shared state of a run, and the only code that judges the result of a request.
import { setTimeout as delay } from 'node:timers/promises';
import { APIConnectionError, APIError } from 'openai';
import { connectionLost, type Disturbances } from './disturbances.js';
import { ConnectionLost, type HttpClient } from './http.js';
import { budgetBytes, chatModels } from './models.js';
import type { Process } from './processes.js';
import type { ChaosServer } from './server.js';
import { keys } from './settings.js';
import type { Tally } from './tally.js';
import type { Waits } from './waits.js';

/** A request without a response this long after the last disturbance of its model is lost. */
export const lostMs = 60_000;
const watchMs = 500;
const statesMs = 3_000;
const mostOnFrozen = 3;

/** The shared state of a run. */
export interface Chaos {
  readonly random: () => number;
  readonly tally: Tally;
  readonly disturbances: Disturbances;
  readonly waits: Waits;
  /** The origins that engines had: nothing may listen there after the run. */
  readonly origins: Set<string>;
  readonly server: ChaosServer;
  readonly http: HttpClient;
  readonly modelsDir: string;
  readonly scratch: string;
  /** The value of the variable that marks all processes of the run. */
  readonly mark: string;
  /** Aborted when no new request may be sent. */
  readonly over: AbortSignal;
  /** Engines stopped by SIGSTOP at the moment, by model. */
  readonly frozen: Map<string, Process>;
  /** The number of waiting requests for each model. */
  readonly waiting: Map<string, number>;
}

/** The details of an error, as far as they are checked. */
export interface ErrorDetails {
  /** Of `OUT_OF_MEMORY`: what the model needs, and what all may use, by resource. */
  readonly needs?: Readonly<Record<string, number>>;
  readonly budget?: Readonly<Record<string, number>>;
}

/** An error response of the server. */
export class ErrorResponse extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    readonly details: ErrorDetails = {},
  ) {
    super(message);
  }
}

/** An incorrect response. */
export class WrongResponse extends Error {}

/** The abort reason of a client that disconnects. */
export class ClientDisconnected extends Error {}
class LostRequest extends Error {}

/** How a request is sent and judged. */
export interface Attempt {
  /** The row of the table. */
  readonly client: string;
  /** The model of the request, if any. */
  readonly model?: string;
  /** Milliseconds after which the client disconnects. */
  readonly cancelAfter?: number;
  /** Error codes that are always a correct response to this request. */
  readonly expected?: readonly string[];
}

/**
 * Sends one request, waits for its end and counts it; never rejects. Resolves with `true` for a correct
 * response.
 */
export async function attempt(
  chaos: Chaos,
  of: Attempt,
  send: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const { tally, waiting } = chaos;
  const began = Date.now();
  tally.requestSent(of.client);
  if (of.model !== undefined) waiting.set(of.model, (waiting.get(of.model) ?? 0) + 1);
  const disconnect = new AbortController();
  const watch = setInterval(() => {
    const { cancelAfter, model } = of;
    const last = Math.max(began, chaos.disturbances.lastTouching(model));
    if (Date.now() - last > lostMs) disconnect.abort(new LostRequest('no answer'));
    else if (cancelAfter !== undefined && Date.now() - began > cancelAfter) disconnect.abort(new ClientDisconnected());
  }, watchMs);
  const disconnectTimer =
    of.cancelAfter === undefined
      ? undefined
      : setTimeout(() => disconnect.abort(new ClientDisconnected()), of.cancelAfter);
  try {
    await abandonOnAbort(disconnect.signal, send(disconnect.signal));
    tally.requestEnded(of.client, 'right');
    return true;
  } catch (error) {
    judge(chaos, of, began, error, error instanceof LostRequest ? await slotStates(chaos) : '');
    return false;
  } finally {
    clearInterval(watch);
    clearTimeout(disconnectTimer);
    if (of.model !== undefined) {
      waiting.set(of.model, waiting.get(of.model)! - 1);
      chaos.waits.add({ client: of.client, model: of.model, from: began, ms: Date.now() - began });
    }
  }
}

function judge(
  { tally, disturbances }: Chaos,
  { client, model, expected = [] }: Attempt,
  began: number,
  error: unknown,
  states: string,
): void {
  const about = `${model ?? ''} after ${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (error instanceof ClientDisconnected) return tally.requestEnded(client, 'cancelled');
  if (error instanceof LostRequest) return tally.requestEnded(client, 'lost', `${about}; ${states}`);
  if (error instanceof WrongResponse) return tally.requestEnded(client, 'wrong', `${about}: ${error.message}`);
  const { code, status, message, details } = errorOf(error);
  const detail = `${about}: ${status} ${code}: ${message}`;
  if (code === 'INTERNAL' || (status === 500 && !disturbances.explain(code, began, model)))
    return tally.requestEnded(client, 'INTERNAL', detail);
  if (code === connectionLost && disturbances.happened(['server killed'], began))
    return tally.requestEnded(client, 'cut by the kill');
  const isRight =
    expected.includes(code) || provesMemoryTaken(code, details) || disturbances.explain(code, began, model);
  if (isRight) return tally.requestEnded(client, 'refused', code);
  tally.requestEnded(client, 'wrong', `an error that nothing explains, ${detail}`);
}

/** The current state of each model, to explain why a request hangs. */
async function slotStates({ http, server, frozen }: Chaos): Promise<string> {
  const request = { method: 'GET', path: '/models', key: keys.manage, signal: AbortSignal.timeout(statesMs) };
  const answer = await http.fetchText(server.url, request).catch(() => undefined);
  if (answer?.status !== 200) return 'GET /models has no answer';
  const { models } = JSON.parse(answer.text) as { models: Record<string, { state: string }> };
  const running = Object.entries(models).filter(([, { state }]) => state !== 'stopped');
  const states = running.map(([name, { state }]) => `${name} ${state}`);
  return `frozen: ${[...frozen.keys()].join(' ') || 'none'}; states: ${states.join(', ')}`;
}

/** True for a refusal whose numbers say that the machine had less memory then, and less than the model needs. */
function provesMemoryTaken(code: string, { needs, budget }: ErrorDetails): boolean {
  if (code !== 'OUT_OF_MEMORY' || needs?.['host'] === undefined || budget?.['host'] === undefined) return false;
  return budget['host'] < budgetBytes && needs['host'] > budget['host'];
}

function errorOf(error: unknown): { code: string; status: number; message: string; details: ErrorDetails } {
  if (error instanceof ErrorResponse) return error;
  if (error instanceof APIConnectionError)
    return { code: connectionLost, status: 0, message: error.message, details: {} };
  if (error instanceof APIError)
    return {
      code: error.code ?? 'no code',
      status: (error.status as number | undefined) ?? 0,
      message: error.message,
      details: (error.error as { details?: ErrorDetails } | undefined)?.details ?? {},
    };
  // OpenAI's client passes on the error of fetch when a stream ends early.
  const isLost = error instanceof ConnectionLost || /terminated|premature|socket|aborted/i.test(String(error));
  return { code: isLost ? connectionLost : 'UNKNOWN', status: 0, message: String(error), details: {} };
}

/** The run continues whatever hangs: a request is abandoned when its signal is aborted. */
function abandonOnAbort(signal: AbortSignal, sent: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = () => reject(signal.reason as Error);
    if (signal.aborted) left();
    signal.addEventListener('abort', left, { once: true });
    sent.then(resolve, (error: unknown) => reject((signal.aborted ? signal.reason : error) as Error));
  });
}

/**
 * Parses a response that must be complete JSON; throws {@link ErrorResponse} for an error in the standard format.
 */
export function parseAnswer(status: number, text: string): Record<string, unknown> {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new WrongResponse(
      `status ${status} with a body that is not JSON, ${text.length} characters: ${text.slice(0, 150)}`,
    );
  }
  if (status < 400) return body;
  const error = body['error'] as { code?: string; message?: string; details?: ErrorDetails } | undefined;
  if (typeof error?.code !== 'string')
    throw new WrongResponse(`status ${status} without an error: ${text.slice(0, 200)}`);
  throw new ErrorResponse(error.code, status, error.message ?? '', error.details);
}

/** Repeats until the run ends: waits for the server, runs the step, pauses up to `restMs`. */
export async function repeat(chaos: Chaos, restMs: number, work: () => Promise<unknown>): Promise<void> {
  try {
    while (!chaos.over.aborted) {
      await chaos.server.up(chaos.over);
      await work();
      await delay(chaos.random() * restMs, undefined, { signal: chaos.over });
    }
  } catch (error) {
    if (!chaos.over.aborted) throw error;
  }
}

/**
 * A random model to chat with; a model whose engine is frozen gets only a few requests, so that not all
 * clients wait for it.
 */
export function pickModel(chaos: Chaos): string {
  const free = chatModels.filter((name) => !chaos.frozen.has(name) || (chaos.waiting.get(name) ?? 0) < mostOnFrozen);
  return pick(chaos, free.length > 0 ? free : chatModels);
}

/** A random element. */
export function pick<T>({ random }: Pick<Chaos, 'random'>, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!;
}
