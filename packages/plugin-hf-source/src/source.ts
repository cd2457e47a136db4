// The source `huggingface`.
import type { Source } from '@lamina/core/plugin';
import { adoptCache } from './cache.js';
import { chooseFiles } from './choose.js';
import { Hub } from './hub.js';
import { locateFile } from './locate.js';
import { makePlan } from './plan.js';
import { parseReference } from './reference.js';
import { readRepository } from './repository.js';
import { searchHub } from './search.js';
import { sourceName, type Settings } from './settings.js';

/** Makes the source. */
export function hubSource(settings: Settings): Source {
  const hub = new Hub(settings);
  return {
    name: sourceName,
    async resolve(reference, context) {
      const parts = parseReference(reference, hub.endpoint);
      if (parts === undefined) return undefined;
      const repository = await readRepository(hub, parts, context);
      const plan = makePlan(reference, repository, chooseFiles(repository, parts));
      // The file list of a gated model is public: requesting a file shows whether the token has access.
      if (repository.gated) await locateFile(hub, plan.files[0]!, plan, context);
      return plan;
    },
    locate: (file, plan, context) => locateFile(hub, file, plan, context),
    search: (query, context) => searchHub(hub, query, context),
    ...(settings.adopt && settings.cacheDir !== undefined
      ? { adopt: (context) => adoptCache(settings.cacheDir!, context) }
      : {}),
  };
}
