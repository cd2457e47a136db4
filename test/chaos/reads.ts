// Clients that only read: lists, one model, health, and the event stream.
import { attempt, parseAnswer, pick, repeat, WrongResponse, type Chaos } from './context.js';
import { ConnectionLost } from './http.js';
import { chatModels, models } from './models.js';
import { keys } from './settings.js';
import type { TimedEvent } from './waits.js';

const paths = [
  '/models',
  '/models',
  '/v1/models',
  '/health',
  '/backends',
  '/downloads',
  '/downloadable',
  '/models?state=ready',
];

/** Requests lists, which must be complete JSON and contain every model. */
export function readingClient(chaos: Chaos): Promise<void> {
  return repeat(chaos, 400, () => {
    const path = chaos.random() < 0.2 ? `/models/${pick(chaos, models).name}` : pick(chaos, paths);
    const model = path.startsWith('/models/') ? path.slice('/models/'.length) : undefined;
    const began = Date.now();
    return attempt(chaos, { client: 'lists', ...(model === undefined ? {} : { model }) }, async (signal) => {
      const { status, text } = await chaos.http.fetchText(chaos.server.url, {
        method: 'GET',
        path,
        key: pick(chaos, Object.values(keys)),
        signal,
      });
      const body = parseAnswer(status, text);
      if (status !== 200) throw new WrongResponse(`GET ${path}: ${status}`);
      if (path !== '/models') return;
      const missing = chatModels.filter((name) => !Object.hasOwn(body['models'] as object, name));
      if (missing.length === 0 || chaos.disturbances.happened(['half a file'], began, undefined, 5_000)) return;
      throw new WrongResponse(`GET /models lacks ${missing.join(', ')}`);
    });
  });
}

/** Reads every event of each server: each is JSON, their ids increase, and none reports an internal error. */
export function eventReader(chaos: Chaos): Promise<void> {
  return repeat(chaos, 200, async () => {
    let last = 0;
    const onData = (data: string) => {
      const event = readEvent(chaos, data);
      if (event === undefined) return;
      chaos.waits.read(event);
      const number = Number(event.id.slice(event.id.lastIndexOf('-') + 1));
      if (number <= last) chaos.tally.check('events out of order', 1, `${event.id} after ${last}`);
      last = number;
      if (/"code":"INTERNAL"|"status":500\b/.test(data)) chaos.tally.check('INTERNAL in events', 1, data);
    };
    const request = { method: 'GET', path: '/events', key: keys.manage, signal: chaos.over };
    await chaos.http.stream(chaos.server.url, request, onData).catch((error: unknown) => {
      const expected =
        chaos.over.aborted ||
        (error instanceof ConnectionLost && chaos.disturbances.happened(['restart'], Date.now(), undefined, 15_000));
      if (!expected) chaos.tally.check('events broke off', 1, String(error));
    });
  });
}

function readEvent(chaos: Chaos, data: string): (TimedEvent & { id: string }) | undefined {
  try {
    const event = JSON.parse(data) as TimedEvent & { id?: string };
    return event.id === undefined ? undefined : { ...event, id: event.id };
  } catch {
    chaos.tally.check('events that are not JSON', 1, data);
    return undefined;
  }
}
