// Logs what a Lamina starts with: plugins, models, and what to do about missing files.
import { dirname } from 'node:path';
import type { Logger } from '../contract/context.js';
import type { ModelRecord, Models } from '../contract/models.js';
import { showCount, showNames } from './amounts.js';

/** At most this many models with missing files get a line of their own. */
const maxMissingLines = 10;

/** What was loaded. */
export interface Started {
  readonly plugins: readonly string[];
  readonly models: Pick<Models, 'list' | 'stats'>;
  readonly modelsDir: string;
  /** The data directory, if the host did not choose it. */
  readonly defaultDataDir: string | undefined;
  /** Whether the models directory existed before the start. */
  readonly hadModelsDir: boolean;
}

/** Writes the lines. */
export function logStart({ plugins, models, modelsDir, defaultDataDir, hadModelsDir }: Started, log: Logger): void {
  log.info(
    { event: 'plugins.loaded', plugins },
    plugins.length === 0
      ? 'No plugins are loaded'
      : `Loaded ${showCount(plugins.length, 'plugin')}: ${plugins.join(', ')}`,
  );
  if (!hadModelsDir) {
    const message = `The models directory ${modelsDir} does not exist. Create it, or choose another one with --models-dir.`;
    log.warn({ event: 'models.directory_missing', models_dir: modelsDir }, message);
  }
  if (defaultDataDir !== undefined && dirname(defaultDataDir) !== modelsDir) {
    const message = `The models directory ${modelsDir} cannot be written, so models cannot be downloaded; the state of Lamina is in ${defaultDataDir}`;
    log.info({ event: 'models.directory_read_only', models_dir: modelsDir, data_dir: defaultDataDir }, message);
  }
  const { total_models: total, available_models: available } = models.stats();
  if (total > 0) {
    const message = `Found ${showCount(total, 'model')}, ${available} with all files, in ${modelsDir}`;
    log.info({ event: 'models.found', models: total, available, models_dir: modelsDir }, message);
  } else {
    const message = `There are no models in ${modelsDir}. Add model files, or download one with "lamina pull <reference>".`;
    log.warn({ event: 'models.none', models_dir: modelsDir }, message);
  }
  logMissing(
    models.list().filter((record) => !record.available),
    log,
  );
}

/** A model with a download in the manifest is on offer; any other one without its files is a mistake. */
function logMissing(missing: readonly ModelRecord[], log: Logger): void {
  const offered = missing.filter(({ entry }) => entry.download !== undefined).map(({ model }) => model.name);
  if (offered.length > 0) {
    const message = `${showCount(offered.length, 'model')} can be downloaded ("lamina pull <model>"): ${showNames(offered)}`;
    log.info({ event: 'models.downloadable', models: offered.length }, message);
  }
  const broken = missing.filter(({ entry }) => entry.download === undefined);
  for (const { model, missing: problems } of broken.slice(0, maxMissingLines)) {
    const hint =
      model.of === undefined
        ? 'Add its files, or correct its path in the manifest.'
        : 'Name another model in the manifest.';
    const message = `Model "${model.name}" cannot run: ${problems.join('; ')}. ${hint}`;
    log.warn({ event: 'model.files_missing', model: model.name, missing: problems }, message);
  }
  if (broken.length <= maxMissingLines) return;
  const message = `${showCount(broken.length - maxMissingLines, 'more model')} cannot run; "lamina validate" lists them all.`;
  log.warn({ event: 'models.files_missing', models: broken.length }, message);
}
