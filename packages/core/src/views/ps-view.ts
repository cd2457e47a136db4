// Builds the JSON document of contract/ps-view.ts.
import { countsModels, type MemorySnapshot, type ModelMemory, type Resources } from '../contract/memory.js';
import type { HeldMemory, PsModel, PsView } from '../contract/ps-view.js';
import type { Runtime, SlotSnapshot } from '../contract/runtime.js';
import { known } from './known.js';

/** The models that are in use. `showProcesses`: also where their engines are. */
export function psView(
  { runtime }: { readonly runtime: Pick<Runtime, 'slots' | 'memory'> },
  { showProcesses }: { readonly showProcesses: boolean },
): PsView {
  const memory = runtime.memory();
  const slots = runtime.slots().toSorted((a, b) => (a.model < b.model ? -1 : 1));
  return {
    models: Object.fromEntries(slots.map((slot) => [slot.model, psModel(slot, memory.budget, showProcesses)])),
    resources: resourcesView(memory),
    machine: { total_bytes: memory.totalBytes, available_bytes: memory.availableBytes },
  };
}

/** The memory that a running model holds. */
export function heldMemory({ reserved, basis, residentBytes, slow }: ModelMemory, budget: Resources): HeldMemory {
  return {
    reserved: Object.fromEntries(Object.entries(reserved).filter(([name]) => isShown(name, budget))),
    basis,
    ...known({ resident_bytes: residentBytes, slow: slow === true ? slow : undefined }),
  };
}

function psModel(slot: SlotSnapshot, budget: Resources, showProcesses: boolean): PsModel {
  const { state, busy, waiting, backend, capacity, startedAt, idleAt, retryAt, waitReason, error, memory } = slot;
  const { pid, origin } = slot;
  return {
    state,
    busy,
    waiting,
    ...known({
      backend,
      capacity,
      wait_reason: waitReason,
      started_at: startedAt,
      idle_at: idleAt,
      retry_at: retryAt,
      error,
      memory: memory === undefined ? undefined : heldMemory(memory, budget),
    }),
    ...(showProcesses ? known({ pid, origin }) : {}),
  };
}

function resourcesView({ budget, reserved, free }: MemorySnapshot): PsView['resources'] {
  const names = [...new Set([...Object.keys(budget), ...Object.keys(reserved)])];
  return Object.fromEntries(
    names
      .filter((name) => isShown(name, budget))
      .map((name) => {
        const left = free[name];
        return [
          name,
          {
            reserved: reserved[name] ?? 0,
            ...known({ budget: budget[name], free: left === undefined ? undefined : Math.max(0, left) }),
          },
        ];
      }),
  );
}

/** A count that has no limit says nothing. */
function isShown(resource: string, budget: Resources): boolean {
  return Object.hasOwn(budget, resource) || !countsModels(resource);
}
