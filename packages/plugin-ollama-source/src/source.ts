// The source `ollama`: names into plans, blobs into addresses, a store into models.
import type { Context, Source } from '@lamina/core/plugin';
import { denied } from './errors.js';
import { locateBlob } from './locate.js';
import { nameOf, officialHost, shown, type Name } from './name.js';
import { readPackage } from './package.js';
import { makePlan, notices, sourceName } from './plan.js';
import { Registries } from './registry.js';
import type { RequestDefaults } from './request-defaults.js';
import type { Settings } from './settings.js';
import { adoptStore } from './store.js';

const openToAll = [officialHost, 'hf.co', 'huggingface.co'];

/** The source for some settings. What adopted models say of requests is put into `adopted`. */
export function ollamaRegistrySource(settings: Settings, adopted: Map<string, RequestDefaults>): Source {
  const registries = new Registries(settings);
  return {
    name: sourceName,
    async resolve(reference, context) {
      const name = nameOf(reference);
      if (name === undefined) return undefined;
      if (context.remote === true) refuseUnlisted(name, settings);
      const model = await readPackage(registries, name, context);
      for (const notice of notices(model)) context.log.warn({ model: shown(name) }, notice);
      return makePlan(reference, model);
    },
    locate: (file, _plan, context) => locateBlob(registries, file, context),
    ...(settings.stores.length === 0
      ? {}
      : { adopt: (context: Context) => adoptStore(settings.stores, adopted, context) }),
  };
}

/** A stranger's reference must not make this server ask whatever host it names. */
function refuseUnlisted(name: Name, { registries }: Settings): void {
  if (openToAll.includes(name.host.toLowerCase()) || registries.has(name.host.toLowerCase())) return;
  throw denied(
    `The registry ${name.host} is not one that requests from the network may name. Its operator can allow it with the plugin's option \`registries\`.`,
  );
}
