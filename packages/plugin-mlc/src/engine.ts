// Where MLC-LLM is on a machine: its script, or a Python that has it.
import { pythonEngine, type PythonFinding } from '@lamina/core/plugin';

/**
 * MLC-LLM as a Python package. Its wheels are distributions named by what they compute on: `mlc-llm-nightly-cu123`,
 * `mlc-llm-cpu`.
 */
export const engine: PythonFinding = pythonEngine({
  script: 'mlc_llm',
  module: 'mlc_llm',
  package: 'mlc_llm',
  distribution: 'mlc[-_]llm([-_].*)?',
});
