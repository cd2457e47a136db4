// The plugin `virtual-models`: Several presets of one loaded model, and fallbacks for models that cannot start.
import { definePlugin } from '@lamina/core/plugin';

/** Several presets of one loaded model, and fallbacks for models that cannot start. */
export const virtualModels = definePlugin({
  name: 'virtual-models',
  setup() {},
});
