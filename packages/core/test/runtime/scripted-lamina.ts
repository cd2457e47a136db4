// A complete Lamina on the scripted backend and the manual clock.
import { setMaxListeners } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type LaminaEvent, type LaminaOptions, type SlotState } from '@lamina/core';
import { ManualClock } from './manual-clock.js';
import { Script } from './scripted-backend.js';

/** What a test uses. */
export interface Stage {
  readonly lamina: Lamina;
  readonly clock: ManualClock;
  readonly script: Script;
  readonly events: LaminaEvent[];
  /** Resolves once the slot of a model is in a state. */
  until(model: string, state: SlotState): Promise<void>;
  /** A signal that is never aborted. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

/** Models `a`, `b`, `c`, …, each a file; `entries` adds to the manifest entry of one. One runs at a time by default. */
export async function stage(
  options: LaminaOptions & {
    models?: string[];
    entries?: Record<string, object>;
    prepare?: (script: Script) => void;
  } = {},
): Promise<Stage> {
  const { models = ['a', 'b', 'c'], entries = {}, prepare, ...rest } = options;
  const directory = await mkdtemp(join(tmpdir(), 'lamina-runtime-'));
  await Promise.all(models.map((name) => writeFile(join(directory, `${name}.bin`), name)));
  const clock = new ManualClock();
  const script = new Script();
  prepare?.(script);
  const manifest = {
    models: Object.fromEntries(
      models.map((name) => [name, { path: `${name}.bin`, format: 'scripted', ...entries[name] }]),
    ),
  };
  const lamina = await createLamina({
    modelsDir: directory,
    manifest,
    log: 'silent',
    clock,
    ...rest,
    limits: { maxLoaded: 1, ...rest.limits },
    plugins: [script.plugin(), ...(rest.plugins ?? [])],
  });
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  const events: LaminaEvent[] = [];
  lamina.events.onAny((event) => events.push(event));
  return {
    lamina,
    clock,
    script,
    events,
    signal,
    async until(model, state) {
      if (lamina.runtime.slot(model).state === state) return;
      await lamina.events.once('model.state', {
        signal,
        where: (event) => event.model === model && event.to === state,
      });
    },
    async close() {
      await lamina.close({ signal: AbortSignal.abort() });
      await rm(directory, { recursive: true, force: true });
    },
  };
}
