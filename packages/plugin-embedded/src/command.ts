// The command line of the engine.
import { fileURLToPath } from 'node:url';
import { cores, defaultContext, LaminaError, type Command, type Launch, type Model } from '@lamina/core/plugin';
import type { ModelOptions } from './options.js';
import type { Place } from './place.js';
import { argumentsFor } from './server/settings.js';

const program = fileURLToPath(new URL('server/main.js', import.meta.url));

/** Everything except the key is on the command line. @throws LaminaError `MODEL_FILES_MISSING` without weights */
export function commandFor({ model, options, port, key }: Launch<ModelOptions>, { directory, build }: Place): Command {
  const settings = {
    directory,
    gpu: build.gpu,
    name: model.name,
    path: weightsOf(model),
    port,
    cores: cores().usable,
    options: { context_length: defaultContext(model), ...options, embeddings: servesEmbeddings(model, options) },
  };
  return { args: [program, ...argumentsFor(settings)], env: { LAMINA_ENGINE_KEY: key } };
}

function servesEmbeddings({ metadata }: Model, { embeddings }: ModelOptions): boolean {
  return embeddings ?? ['mean', 'cls', 'last'].includes(metadata?.pooling ?? '');
}

/** For sharded weights the first file; the library finds the others. */
function weightsOf({ name, files }: Model): string {
  const path = files.find(({ role }) => role === 'weights')?.path;
  if (path === undefined)
    throw new LaminaError('MODEL_FILES_MISSING', {
      model: name,
      missing: ['it has no weights'],
      hint: 'Correct its path in the manifest.',
    });
  return path;
}
