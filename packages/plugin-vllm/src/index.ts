// The plugin: safetensors models, served by vLLM.
import { definePlugin, processOptions } from '@lamina/core/plugin';
import { vllmBackend } from './backend.js';
import { modelOptions } from './options.js';
import { withQuantization } from './quantization.js';

/**
 * The options of `vllm()` and of `backends.vllm` in models.yaml: where the engine is, and defaults for the options of
 * models.
 */
export const optionsSchema = {
  type: 'object',
  properties: { ...processOptions, ...modelOptions.properties },
  additionalProperties: false,
} as const;

/**
 * Serves directories of safetensors with vLLM: `vllm()`, or `vllm({ executable: '/opt/vllm/bin/vllm',
 * gpu_memory_utilization: 0.8 })`. Registers the backend type `vllm`, and reads how AWQ, GPTQ, FP8 and other
 * checkpoints are quantised. The options are defaults: `backends.<name>` in models.yaml overrides them,
 * `models.<name>.options` both.
 */
export const vllm = definePlugin({
  name: 'vllm',
  options: optionsSchema,
  setup(lamina, options) {
    lamina.addBackend(vllmBackend(options));
    lamina.hooks.describeModel.tap(withQuantization);
  },
});
