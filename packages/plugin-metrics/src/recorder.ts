// Counts what the events of Lamina say.
import type { Events, LaminaEvent } from '@lamina/core/plugin';
import type { Labels } from './labels.js';
import { countOne } from './model-metrics.js';
import type { MetricsStore } from './store.js';

/** The status of a request whose client left. */
const cancelledStatus = 499;

/** Listens until Lamina closes. */
export function recordEvents(events: Events, store: MetricsStore, labels: Labels): void {
  events.on('request.finished', (event) => recordRequest(event, store, labels));
  events.on('model.state', ({ model }) => void store.of(model)); // Its zeros are there before its first count.
  events.on('model.ready', ({ model: name, load_ms }) => {
    const model = store.of(name);
    model.load.add(load_ms / 1_000);
    store.add(model, { loads: 1, load_ms });
  });
  events.on('model.failed', ({ model: name, error }) => {
    const model = store.of(name);
    countOne(model.failures, error.code);
    store.add(model, { load_failures: 1 });
  });
  events.on('model.stopped', ({ model: name, reason }) => {
    const model = store.of(name);
    countOne(model.stops, reason);
    if (reason === 'evicted') store.add(model, { evictions: 1 });
  });
  for (const result of ['finished', 'failed', 'cancelled'] as const)
    events.on(`download.${result}`, () => countOne(store.downloads, result));
  events.on('download.finished', ({ bytes }) => void (store.downloadBytes += bytes));
}

function recordRequest(event: LaminaEvent<'request.finished'>, store: MetricsStore, labels: Labels): void {
  const { status, queue_ms = 0, tokens_per_second: speed } = event;
  const model = store.of(labels.model(event.model));
  const key = labels.key(event.key);
  const tokens = {
    prompt: event.prompt_tokens ?? 0,
    generated: event.completion_tokens ?? 0,
    cached: event.cached_tokens ?? 0,
  };
  model.countRequest({ route: labels.route(event.route), status, key });
  model.countTokens(key, tokens);
  model.queue.add(queue_ms / 1_000);
  if (speed !== undefined) model.speed.add(speed);
  store.add(model, {
    requests: 1,
    ...(status === cancelledStatus ? { cancelled: 1 } : status >= 400 ? { failures: 1 } : {}),
    prompt_tokens: tokens.prompt,
    generated_tokens: tokens.generated,
    cached_tokens: tokens.cached,
    queue_ms,
  });
  const seconds = firstByteSeconds(event);
  if (seconds === undefined) return;
  model.ttft.add(seconds);
  store.addTtft(model, seconds);
}

/** Only of streams: a whole answer arrives when all is done. Not of refusals, whose first byte is that of an error. */
function firstByteSeconds(event: LaminaEvent<'request.finished'>): number | undefined {
  const { stream, ttft_ms, error, cut } = event;
  return stream && ttft_ms !== undefined && (error === undefined || cut === true) ? ttft_ms / 1_000 : undefined;
}
