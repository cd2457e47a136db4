// The commands that come after `lamina init`, by what is on the machine.
import type { Project } from '@lamina/config';
import type { Machine } from './machine.js';

/** A model to begin with. */
interface StarterModel {
  readonly name: string;
  readonly reference: string;
  /** The system memory that models may use from which on it is a good choice, in bytes. */
  readonly fromBytes: number;
}

/** From large to small: 2.0 GB, 0.8 GB and 0.1 GB of weights. */
const starterModels: readonly StarterModel[] = [
  { name: 'llama3.2-3b', reference: 'bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M', fromBytes: 5e9 },
  { name: 'llama3.2-1b', reference: 'bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M', fromBytes: 2e9 },
  { name: 'smollm2-135m', reference: 'bartowski/SmolLM2-135M-Instruct-GGUF:Q4_K_M', fromBytes: 0 },
];

/** The commands, in the order in which to run them. */
export function nextSteps(machine: Machine, project: Project): readonly string[] {
  const { engines, sources, stores, servesStores, suggested, served, found } = machine;
  const npm = `npm install ${project.directory === undefined ? '--global ' : ''}`;
  const hasModels = served.length + found.length > 0;
  const starter = hasModels
    ? undefined
    : starterModels.find(({ fromBytes }) => machine.memory.budgetBytes >= fromBytes);
  const isOllama = stores.length > 0 && !servesStores;
  const missing = [
    ...(engines.length === 0 ? ['@lamina/plugin-embedded'] : []),
    ...(starter !== undefined && !sources.includes('huggingface') ? ['@lamina/plugin-hf-source'] : []),
  ];
  const model = suggested ?? starter?.name;
  return [
    ...(missing.length === 0 ? [] : [npm + missing.join(' ')]),
    ...installCommand(machine),
    ...(isOllama ? ['lamina import ollama'] : []),
    ...(starter === undefined || isOllama ? [] : [`lamina pull ${starter.reference} --name ${starter.name}`]),
    'lamina serve',
    ...(model === undefined ? [] : [`lamina run ${model} "Hello"`]),
  ];
}

/** The command that installs an engine, if no other one is ready; engines name it in their notes. */
function installCommand({ engines }: Machine): readonly string[] {
  const notes = engines.map(({ availability }) => (availability.available ? (availability.note ?? '') : undefined));
  if (notes.includes('')) return [];
  return notes.flatMap((note) => /lamina backends install [\w.-]+/.exec(note ?? '')?.[0] ?? []).slice(0, 1);
}
