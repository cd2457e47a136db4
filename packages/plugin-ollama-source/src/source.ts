// The source `ollama`.
import type { Context, Source } from '@lamina/core/plugin';
import { adoptStores } from './adopt.js';
import { denied } from './errors.js';
import { locateBlob } from './locate.js';
import { nameOf, officialHost, shown, sourceName, type Name } from './name.js';
import { readPackage } from './package.js';
import { makePlan, notices } from './plan.js';
import { Registries } from './registry.js';
import type { RequestDefaults } from './request-defaults.js';
import type { Settings } from './settings.js';

const defaultHosts = [officialHost, 'hf.co', 'huggingface.co'];

/** Makes the source. The request defaults of models in the store are added to `adopted`. */
export function ollamaRegistrySource(settings: Settings, adopted: Map<string, RequestDefaults>): Source {
  const registries = new Registries(settings);
  return {
    name: sourceName,
    async resolve(reference, context) {
      const name = nameOf(reference);
      if (name === undefined) return undefined;
      if (context.remote === true) requireAllowedHost(name, settings);
      const model = await readPackage(registries, name, context);
      for (const notice of notices(model)) context.log.warn({ model: shown(name) }, notice);
      return makePlan(reference, model);
    },
    locate: (file, _plan, context) => locateBlob(registries, file, context),
    ...(!settings.adopt ? {} : { adopt: (context: Context) => adoptStores(settings.stores, adopted, context) }),
  };
}

/** A request from the network must not make this server connect to any host it names. */
function requireAllowedHost(name: Name, { registries }: Settings): void {
  if (defaultHosts.includes(name.host.toLowerCase()) || registries.has(name.host.toLowerCase())) return;
  throw denied(
    `Requests from the network may not use the registry ${name.host}. The operator can allow it with the plugin's option \`registries\`.`,
  );
}
