// The plugin `ollama-api`: Ollama's API, so that its clients work unchanged.
import { definePlugin } from '@lamina/core/plugin';

/** Ollama's API, so that its clients work unchanged. */
export const ollamaApi = definePlugin({
  name: 'ollama-api',
  setup() {},
});
