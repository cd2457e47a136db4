// Puts a vLLM to sleep and wakes it, by the routes of its development mode (docs/features/sleep_mode.md).
import type { StartedServer } from '@lamina/core/plugin';

/** Level 1 keeps the weights in host memory, level 2 forgets them. Lamina has drained its requests by then. */
export async function sleep({ request, options }: StartedServer, signal: AbortSignal): Promise<void> {
  await request(`/sleep?level=${String(options['sleep_level'])}`, { method: 'POST', signal });
}

/**
 * After level 2 there is memory for the weights again, but nothing in it: they are read from disk before the context
 * gets its own.
 */
export async function wake({ request, options }: StartedServer, signal: AbortSignal): Promise<void> {
  if (options['sleep_level'] !== 2) return void (await request('/wake_up', { method: 'POST', signal }));
  await request('/wake_up?tags=weights', { method: 'POST', signal });
  await request('/collective_rpc', { method: 'POST', body: { method: 'reload_weights' }, signal });
  await request('/wake_up?tags=kv_cache', { method: 'POST', signal });
}
