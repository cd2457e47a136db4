// What all parts of a run share, and the one place where the end of a request is judged.
import { setTimeout as delay } from 'node:timers/promises';
import { APIConnectionError, APIError } from 'openai';
import { connectionLost, type Disturbances } from './disturbances.js';
import { ConnectionLost, type HttpClient } from './http.js';
import { chatModels } from './models.js';
import type { Process } from './processes.js';
import type { ChaosServer } from './server.js';
import { keys } from './settings.js';
import type { Tally } from './tally.js';

/** A request without an answer so long after the last disturbance that touches its model is lost. */
export const lostMs = 60_000;
const watchMs = 500;
const statesMs = 3_000;
const mostOnFrozen = 3;

/** What the parts of a run share. */
export interface Chaos {
  readonly random: () => number;
  readonly tally: Tally;
  readonly disturbances: Disturbances;
  readonly server: ChaosServer;
  readonly http: HttpClient;
  readonly modelsDir: string;
  readonly scratch: string;
  /** The value of the variable that all processes of the run carry. */
  readonly mark: string;
  /** Aborted when no new request is to be sent. */
  readonly over: AbortSignal;
  /** Engines that are stopped by SIGSTOP now, by their model. */
  readonly frozen: Map<string, Process>;
  /** Requests that wait on each model. */
  readonly waiting: Map<string, number>;
}

/** An error that the server told. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** An answer that is not what it must be. */
export class Wrong extends Error {}

/** What ends a request whose client leaves. */
export class Cancelled extends Error {}
class Lost extends Error {}

/** How a request is made and judged. */
export interface Attempt {
  /** The row of the table. */
  readonly client: string;
  /** The model it is about; missing: none. */
  readonly model?: string;
  /** Milliseconds after which the client leaves. */
  readonly cancelAfter?: number;
  /** Codes that are right answers to what is asked, whatever has happened. */
  readonly expected?: readonly string[];
}

/** Sends one request, waits for its end and counts it; never rejects. Resolves with `true` for a right answer. */
export async function attempt(
  chaos: Chaos,
  of: Attempt,
  send: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const { tally, waiting } = chaos;
  const began = Date.now();
  tally.asked(of.client);
  if (of.model !== undefined) waiting.set(of.model, (waiting.get(of.model) ?? 0) + 1);
  const leave = new AbortController();
  const watch = setInterval(() => {
    const { cancelAfter, model } = of;
    const last = Math.max(began, chaos.disturbances.lastTouching(model));
    if (Date.now() - last > lostMs) leave.abort(new Lost('no answer'));
    else if (cancelAfter !== undefined && Date.now() - began > cancelAfter) leave.abort(new Cancelled());
  }, watchMs);
  const soon =
    of.cancelAfter === undefined ? undefined : setTimeout(() => leave.abort(new Cancelled()), of.cancelAfter);
  try {
    await giveUpWith(leave.signal, send(leave.signal));
    tally.ended(of.client, 'right');
    return true;
  } catch (error) {
    judge(chaos, of, began, error, error instanceof Lost ? await slotStates(chaos) : '');
    return false;
  } finally {
    clearInterval(watch);
    clearTimeout(soon);
    if (of.model !== undefined) waiting.set(of.model, waiting.get(of.model)! - 1);
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
  if (error instanceof Cancelled) return tally.ended(client, 'cancelled');
  if (error instanceof Lost) return tally.ended(client, 'lost', `${about}; ${states}`);
  if (error instanceof Wrong) return tally.ended(client, 'wrong', `${about}: ${error.message}`);
  const { code, status, message } = refusalOf(error);
  const detail = `${about}: ${status} ${code}: ${message}`;
  if (code === 'INTERNAL' || (status === 500 && !disturbances.explain(code, began, model)))
    return tally.ended(client, 'INTERNAL', detail);
  if (expected.includes(code) || disturbances.explain(code, began, model)) return tally.ended(client, 'refused', code);
  tally.ended(client, 'wrong', `an error that nothing explains, ${detail}`);
}

/** What each model does just now, to tell why a request hangs. */
async function slotStates({ http, server, frozen }: Chaos): Promise<string> {
  const ask = { method: 'GET', path: '/models', key: keys.manage, signal: AbortSignal.timeout(statesMs) };
  const answer = await http.ask(server.url, ask).catch(() => undefined);
  if (answer?.status !== 200) return 'GET /models has no answer';
  const { models } = JSON.parse(answer.text) as { models: Record<string, { state: string }> };
  const running = Object.entries(models).filter(([, { state }]) => state !== 'stopped');
  const states = running.map(([name, { state }]) => `${name} ${state}`);
  return `frozen: ${[...frozen.keys()].join(' ') || 'none'}; states: ${states.join(', ')}`;
}

function refusalOf(error: unknown): { code: string; status: number; message: string } {
  if (error instanceof Refused) return error;
  if (error instanceof APIConnectionError) return { code: connectionLost, status: 0, message: error.message };
  if (error instanceof APIError)
    return { code: error.code ?? 'no code', status: (error.status as number | undefined) ?? 0, message: error.message };
  // OpenAI's client passes on what fetch throws when a stream breaks off.
  const isLost = error instanceof ConnectionLost || /terminated|premature|socket|aborted/i.test(String(error));
  return { code: isLost ? connectionLost : 'UNKNOWN', status: 0, message: String(error) };
}

/** Whatever hangs, the run goes on: what is sent is left behind when its signal is aborted. */
function giveUpWith(signal: AbortSignal, sent: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const left = () => reject(signal.reason as Error);
    if (signal.aborted) left();
    signal.addEventListener('abort', left, { once: true });
    sent.then(resolve, (error: unknown) => reject((signal.aborted ? signal.reason : error) as Error));
  });
}

/** Parses an answer that must be whole JSON; throws {@link Refused} for an error in the one shape. */
export function parseAnswer(status: number, text: string): Record<string, unknown> {
  let body: Record<string, unknown>;
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw new Wrong(`status ${status} with a body that is not JSON, ${text.length} characters: ${text.slice(0, 150)}`);
  }
  if (status < 400) return body;
  const error = body['error'] as { code?: string; message?: string } | undefined;
  if (typeof error?.code !== 'string') throw new Wrong(`status ${status} without an error: ${text.slice(0, 200)}`);
  throw new Refused(error.code, status, error.message ?? '');
}

/** Repeats until the run is over: waits for the server, does it, rests up to `restMs`. */
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

/** A model to chat with; one whose engine is frozen gets only a few requests, so that not all clients wait for it. */
export function pickModel(chaos: Chaos): string {
  const free = chatModels.filter((name) => !chaos.frozen.has(name) || (chaos.waiting.get(name) ?? 0) < mostOnFrozen);
  return pick(chaos, free.length > 0 ? free : chatModels);
}

/** One of several. */
export function pick<T>({ random }: Pick<Chaos, 'random'>, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)]!;
}
