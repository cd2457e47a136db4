// Puts a vLLM to sleep and wakes it, by the routes of its development mode (docs/features/sleep_mode.md).
import type { StartedServer } from '@lamina/core/plugin';

/** Level 1 keeps the weights in host memory, level 2 discards them. Lamina has drained its requests before. */
export async function sleep({ request, options }: StartedServer, signal: AbortSignal): Promise<void> {
  await request(`/sleep?level=${String(options['sleep_level'])}`, { method: 'POST', signal });
}

/**
 * After level 2 the memory for the weights is allocated but empty: they are read from disk before the memory of the
 * context is allocated.
 */
export async function wake({ request, options }: StartedServer, signal: AbortSignal): Promise<void> {
  if (options['sleep_level'] !== 2) return void (await request('/wake_up', { method: 'POST', signal }));
  await request('/wake_up?tags=weights', { method: 'POST', signal });
  await request('/collective_rpc', { method: 'POST', body: { method: 'reload_weights' }, signal });
  await request('/wake_up?tags=kv_cache', { method: 'POST', signal });
}
