// Engines: which are here, which models cannot run, and whether they use the graphics cards of this machine.
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendRecord } from '@lamina/core';
import { enginesHere, enginesMissing } from '../engine-lists.js';
import { counted } from '../table.js';
import type { Check, LaminaSubject, Problem } from './check.js';

const nvidiaFolder = '/proc/driver/nvidia/gpus';
/** The kernel's interface to the graphics cards of AMD that can compute. */
const amdDevice = '/dev/kfd';

/** The engines. */
export const enginesCheck: Check<LaminaSubject> = {
  id: 'engines',
  title: 'Engines',
  async run(subject) {
    const engines = await subject.engines();
    if (engines.length === 0) {
      const { directory } = subject.configuration.project;
      const detail = 'No plugin for an engine is installed';
      const fix = `npm install ${directory === undefined ? '--global ' : ''}@lamina/plugin-embedded`;
      return { summary: detail, problems: [{ status: 'error', detail, fix }] };
    }
    const isAnyHere = engines.some(({ availability }) => availability.available);
    const models = await modelProblems(subject);
    // What already explains why a model cannot run is not said twice.
    const missing = engines
      .flatMap((engine) => problemOf(engine, isAnyHere) ?? [])
      .filter(({ fix }) => !models.some((problem) => problem.fix === fix));
    return { summary: summaryOf(engines), problems: [...models, ...missing] };
  },
};

/** The graphics cards. */
export const gpuCheck: Check<LaminaSubject> = {
  id: 'gpu',
  title: 'GPU',
  async run(subject) {
    const engines = await subject.engines();
    const uses = engines.flatMap(({ name, availability }) =>
      availability.available
        ? (availability.devices ?? []).map((device) => `${device.description ?? device.name} (${name})`)
        : [],
    );
    if (uses.length > 0) return { summary: [...new Set(uses)].join(', ') };
    const cards = await graphicsCards();
    if (cards.length === 0) return { summary: 'none; models run on the processor' };
    const detail = `No engine uses ${cards.join(', ')}`;
    const fix = 'Install a llama.cpp that is built for it, with CUDA, ROCm or Vulkan';
    return { summary: detail, problems: [{ status: 'warning', detail, fix }] };
  },
};

/** What a missing engine means: nothing where no model needs it and another engine is here. */
function problemOf(engine: BackendRecord, isAnyHere: boolean): Problem | undefined {
  const { name, availability, fallback, lifetime } = engine;
  if (availability.available) return undefined;
  if (isAnyHere && fallback === undefined && lifetime === 'owned') return undefined;
  const instead = fallback === undefined ? '' : `; until then, ${fallback} serves its models`;
  return {
    status: isAnyHere ? 'warning' : 'error',
    detail: `${name}: ${availability.reason.replace(/\.$/, '')}${instead}`,
    fix: availability.hint,
  };
}

/** One problem for all models that cannot run for the same reason. */
async function modelProblems({ runs }: LaminaSubject): Promise<readonly Problem[]> {
  const byReason = new Map<string, { readonly names: string[]; readonly hint: string }>();
  for (const [{ model }, { choice }] of await runs()) {
    if (choice.backend !== undefined) continue;
    const group = byReason.get(choice.reason) ?? { names: [], hint: choice.hint };
    group.names.push(model.name);
    byReason.set(choice.reason, group);
  }
  return [...byReason].map(([reason, { names, hint }]) => ({
    status: 'error',
    detail: `${counted(names.length, 'model')} cannot run (${listed(names)}): ${reason.replace(/\.$/, '')}`,
    ...(hint === '' ? {} : { fix: hint }),
  }));
}

function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')}, …` : names.join(', ');
}

function summaryOf(engines: readonly BackendRecord[]): string {
  const here = enginesHere(engines, 'installed at its first use').join(', ');
  return [...(here === '' ? [] : [here]), ...enginesMissing(engines)].join('; ');
}

/** The graphics cards that the system shows, on Linux. */
async function graphicsCards(): Promise<readonly string[]> {
  const cards = await readdir(nvidiaFolder).catch(() => []);
  const names = await Promise.all(
    cards.map(async (card) => {
      const text = await readFile(join(nvidiaFolder, card, 'information'), 'utf8').catch(() => '');
      return /^Model:\s*(.+)$/m.exec(text)?.[1] ?? 'the NVIDIA graphics card';
    }),
  );
  return [...names, ...(existsSync(amdDevice) ? ['the AMD graphics card'] : [])];
}
