// The plugin `virtual-models`: several presets of one loaded model, and fallbacks for models that cannot start.
import { definePlugin } from '@lamina/core/plugin';
import { applyPreset } from './apply-preset.js';
import { entryKeys, presetsIn, type Preset } from './preset.js';

/** Before other plugins: to them, a request has what its preset says. */
const stage = -100;

/**
 * Adds the keys `of`, `system`, `parameters`, `template_kwargs` and `fallback` to the entries of models.yaml. An entry with
 * `of` is a virtual model: another name for the model that `of` names, with defaults for its requests.
 * @example
 * ```ts
 * import { createLamina } from '@lamina/core';
 * import { virtualModels } from '@lamina/plugin-virtual-models';
 *
 * const lamina = await createLamina({ modelsDir: 'models', plugins: [virtualModels()] });
 * ```
 */
export const virtualModels = definePlugin({
  name: 'virtual-models',
  setup(lamina) {
    let presets: ReadonlyMap<string, Preset> = new Map();
    lamina.extend('modelEntry', entryKeys);
    lamina.hooks.discoverModels.tap(({ manifest }) => {
      presets = presetsIn(manifest.models);
    });
    lamina.hooks.describeModel.tap((model) => {
      const of = model.from === 'manifest' ? presets.get(model.name)?.of : undefined;
      return of === undefined ? undefined : { ...model, of };
    });
    lamina.hooks.beforeRequest.tap(
      (request) => {
        const preset = presets.get(request.model);
        return preset && applyPreset(request, preset);
      },
      { stage },
    );
  },
});
