// Disturbs engines: kills, freezes, pauses, stops and starts them.
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, lostMs, parseAnswer, pick, repeat, type Chaos } from './context.js';
import { chatModels } from './models.js';
import { engineAt, isAlive, signal, type Process } from './processes.js';
import { keys } from './settings.js';

const requestTimeoutMs = 10_000;
const pollMs = 200;

/** At random times, kills an engine, pauses one, or stops and starts a model. */
export function disturbEngines(chaos: Chaos): Promise<void> {
  const ways = [killEngine, killEngine, pauseEngine, stopModel, startModel];
  return repeat(chaos, 20_000, () => pick(chaos, ways)(chaos));
}

/** Sends SIGKILL to an engine. */
async function killEngine(chaos: Chaos): Promise<void> {
  const { name, engine } = await runningEngine(chaos);
  if (engine === undefined || chaos.frozen.has(name)) return;
  chaos.disturbances.note('kill', name);
  if (signal(engine, 'SIGKILL')) chaos.tally.countDisturbance('SIGKILL to an engine');
}

/** Sends SIGSTOP and soon SIGCONT: too short to count as a hang. */
async function pauseEngine(chaos: Chaos): Promise<void> {
  const { name, engine } = await runningEngine(chaos);
  if (engine === undefined || chaos.frozen.has(name) || !signal(engine, 'SIGSTOP')) return;
  chaos.tally.countDisturbance('SIGSTOP for a moment');
  const end = chaos.disturbances.begin('pause', name);
  await delay(300 + chaos.random() * 1200);
  signal(engine, 'SIGCONT');
  end();
}

/**
 * Sends SIGSTOP to an engine, without SIGCONT: the server must end it. One that it does not end in time is
 * killed here and counted as a fault. Resolves once the engine is frozen; the rest continues in the
 * background, tracked in `pending`.
 */
export async function freezeEngine(chaos: Chaos, pending: Promise<void>[]): Promise<void> {
  for (let attempts = 0; attempts < 50 && !chaos.over.aborted; attempts++, await delay(pollMs)) {
    const { name, engine } = await runningEngine(chaos);
    if (engine === undefined || chaos.frozen.has(name) || !signal(engine, 'SIGSTOP')) continue;
    chaos.tally.countDisturbance('SIGSTOP to an engine');
    chaos.frozen.set(name, engine);
    const end = chaos.disturbances.begin('freeze', name);
    pending.push(untilEnded(chaos, name, engine).finally(end));
    return;
  }
}

async function untilEnded(chaos: Chaos, name: string, engine: Process): Promise<void> {
  const limit = Date.now() + lostMs;
  while (isAlive(engine) && Date.now() < limit) await delay(pollMs);
  chaos.frozen.delete(name);
  const left = isAlive(engine);
  chaos.tally.check(
    'frozen engines that were not ended',
    left ? 1 : 0,
    left ? `${name}, pid ${engine.pid}, after ${lostMs / 1000} s` : '',
  );
  if (left) signal(engine, 'SIGKILL');
}

function stopModel(chaos: Chaos): Promise<boolean> {
  const model = pick(chaos, unfrozen(chaos));
  chaos.tally.countDisturbance('POST stop');
  return whileDisturbed(chaos, model, () => post(chaos, model, 'stop'));
}

function startModel(chaos: Chaos): Promise<boolean> {
  const model = pick(chaos, unfrozen(chaos));
  chaos.tally.countDisturbance('POST start');
  return post(chaos, model, 'start');
}

async function whileDisturbed<T>({ disturbances }: Chaos, model: string, work: () => Promise<T>): Promise<T> {
  const end = disturbances.begin('stop', model);
  return work().finally(end);
}

function post(chaos: Chaos, model: string, verb: 'start' | 'stop'): Promise<boolean> {
  return attempt(chaos, { client: `POST ${verb}`, model }, async (requestSignal) => {
    const { status, text } = await chaos.http.fetchText(chaos.server.url, {
      path: `/models/${model}/${verb}`,
      key: keys.manage,
      signal: requestSignal,
    });
    parseAnswer(status, text);
  });
}

/** The server itself must end a frozen engine, not a request of the run. */
function unfrozen({ frozen }: Chaos): readonly string[] {
  return chatModels.filter((name) => !frozen.has(name));
}

/** A random running model and its engine. */
async function runningEngine(chaos: Chaos): Promise<{ name: string; engine: Process | undefined }> {
  const { models = {} } = (await getJson(chaos, '/models')) as { models?: Record<string, { active: boolean }> };
  const running = unfrozen(chaos).filter((name) => models[name]?.active === true);
  const name = pick(chaos, running.length > 0 ? running : chatModels);
  const view = (await getJson(chaos, `/models/${name}`)) as { server?: { pid?: number; origin?: string } };
  const { server } = view;
  if (server?.origin !== undefined) chaos.origins.add(server.origin);
  return { name, engine: server?.pid === undefined ? undefined : engineAt(server.pid, chaos.mark) };
}

/** The JSON of a route; undefined when the request fails. */
async function getJson({ http, server }: Chaos, path: string): Promise<object> {
  const request = { method: 'GET', path, key: keys.manage, signal: AbortSignal.timeout(requestTimeoutMs) };
  const answer = await http.fetchText(server.url, request).catch(() => undefined);
  return answer?.status === 200 ? (JSON.parse(answer.text) as object) : {};
}
