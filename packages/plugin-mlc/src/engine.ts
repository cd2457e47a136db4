// Finds MLC-LLM: its script, or a Python that has it.
import { pythonEngine, type PythonEngineParts } from '@lamina/core/plugin';

/**
 * MLC-LLM as a Python package. Its wheels are distributions named by what they compute on: `mlc-llm-nightly-cu123`,
 * `mlc-llm-cpu`.
 */
export const engine: PythonEngineParts = pythonEngine({
  script: 'mlc_llm',
  module: 'mlc_llm',
  package: 'mlc_llm',
  distribution: 'mlc[-_]llm([-_].*)?',
});
