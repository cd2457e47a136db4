// What is done to engines: killed, frozen, frozen for a moment, stopped and started.
import { setTimeout as delay } from 'node:timers/promises';
import { attempt, lostMs, parseAnswer, pick, repeat, type Chaos } from './context.js';
import { chatModels } from './models.js';
import { engineAt, isAlive, signal, type Process } from './processes.js';
import { keys } from './settings.js';

const askMs = 10_000;
const pollMs = 200;

/** Now and then kills an engine, freezes one for a moment, or stops and starts a model. */
export function disturbEngines(chaos: Chaos): Promise<void> {
  const ways = [killEngine, killEngine, pauseEngine, stopModel, startModel];
  return repeat(chaos, 2500, () => pick(chaos, ways)(chaos));
}

/** SIGKILL to an engine. */
async function killEngine(chaos: Chaos): Promise<void> {
  const { name, engine } = await runningEngine(chaos);
  if (engine === undefined || chaos.frozen.has(name)) return;
  chaos.disturbances.note('kill', name);
  if (signal(engine, 'SIGKILL')) chaos.tally.did('SIGKILL to an engine');
}

/** SIGSTOP and soon SIGCONT: too short to be taken for a hang. */
async function pauseEngine(chaos: Chaos): Promise<void> {
  const { name, engine } = await runningEngine(chaos);
  if (engine === undefined || chaos.frozen.has(name) || !signal(engine, 'SIGSTOP')) return;
  chaos.tally.did('SIGSTOP for a moment');
  await delay(300 + chaos.random() * 1200);
  signal(engine, 'SIGCONT');
}

/**
 * SIGSTOP to an engine, and no SIGCONT: the server has to end it. One that it does not end in time is killed here and
 * counted as a fault.
 * Resolves once the engine is frozen; the rest goes on by itself and is awaited through `pending`.
 */
export async function freezeEngine(chaos: Chaos, pending: Promise<void>[]): Promise<void> {
  for (let tries = 0; tries < 50 && !chaos.over.aborted; tries++, await delay(pollMs)) {
    const { name, engine } = await runningEngine(chaos);
    if (engine === undefined || chaos.frozen.has(name) || !signal(engine, 'SIGSTOP')) continue;
    chaos.tally.did('SIGSTOP to an engine');
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
  chaos.tally.did('POST stop');
  return whileDisturbed(chaos, model, () => post(chaos, model, 'stop'));
}

function startModel(chaos: Chaos): Promise<boolean> {
  const model = pick(chaos, unfrozen(chaos));
  chaos.tally.did('POST start');
  return post(chaos, model, 'start');
}

async function whileDisturbed<T>({ disturbances }: Chaos, model: string, work: () => Promise<T>): Promise<T> {
  const end = disturbances.begin('stop', model);
  return work().finally(end);
}

function post(chaos: Chaos, model: string, verb: 'start' | 'stop'): Promise<boolean> {
  return attempt(chaos, { client: `POST ${verb}`, model }, async (asked) => {
    const { status, text } = await chaos.http.ask(chaos.server.url, {
      path: `/models/${model}/${verb}`,
      key: keys.manage,
      signal: asked,
    });
    parseAnswer(status, text);
  });
}

/** A frozen engine is to be ended by the server itself, not because the run asked for it. */
function unfrozen({ frozen }: Chaos): readonly string[] {
  return chatModels.filter((name) => !frozen.has(name));
}

/** A model that runs, by chance, and its engine. */
async function runningEngine(chaos: Chaos): Promise<{ name: string; engine: Process | undefined }> {
  const { models = {} } = (await look(chaos, '/models')) as { models?: Record<string, { active: boolean }> };
  const running = unfrozen(chaos).filter((name) => models[name]?.active === true);
  const name = pick(chaos, running.length > 0 ? running : chatModels);
  const { server } = (await look(chaos, `/models/${name}`)) as { server?: { pid?: number } };
  return { name, engine: server?.pid === undefined ? undefined : engineAt(server.pid, chaos.mark) };
}

/** What a route shows; nothing when it cannot be had. */
async function look({ http, server }: Chaos, path: string): Promise<object> {
  const ask = { method: 'GET', path, key: keys.manage, signal: AbortSignal.timeout(askMs) };
  const answer = await http.ask(server.url, ask).catch(() => undefined);
  return answer?.status === 200 ? (JSON.parse(answer.text) as object) : {};
}
