// Offers what sources find on this machine already, such as in the caches of other tools.
import type { Context } from '../contract/context.js';
import type { Discovery } from '../contract/hooks.js';
import { reasonOf } from '../kernel/reason.js';
import type { SourceRegistry } from './sources.js';

/**
 * Offers the models of every source that adopts. One that fails is logged and does not keep the others from being
 * heard.
 */
export async function offerAdopted(sources: SourceRegistry, discovery: Discovery, context: Context): Promise<void> {
  const adopting = sources.list().filter(({ adopt }) => adopt !== undefined);
  await Promise.all(
    adopting.map(async (source) => {
      try {
        for await (const model of source.adopt!(context)) discovery.add(model);
      } catch (error) {
        if (context.signal.aborted) throw error;
        context.log.warn(
          { source: source.name, reason: reasonOf(error) },
          'A source could not look for models on this machine',
        );
      }
    }),
  );
}
