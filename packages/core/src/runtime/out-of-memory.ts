// Says in a sentence what a model lacks, and who holds it.
import { LaminaError } from '../contract/errors.js';
import { countsModels, type Resources } from '../contract/memory.js';
import { showSize } from '../kernel/sizes.js';
import type { Memory } from './memory.js';
import type { Slot } from './slot.js';

/** A start that cannot get what it needs. */
interface Shortage {
  readonly need: Resources;
  readonly missing: Resources;
  readonly memory: Memory;
  readonly slots: readonly Slot[];
  /** True when it would not fit even if every model that can be stopped were; else other programs hold memory. */
  readonly isPermanent: boolean;
}

/** The error of a start that cannot fit: what it needs, what there is, who holds it, and the context that would fit. */
export function outOfMemory(slot: Slot, { need, missing, memory, slots, isPermanent }: Shortage): LaminaError {
  const [resource] = Object.keys(missing) as [string];
  const budget = memory.budget();
  const heldBy = ({ name }: Slot) => memory.held(name)[resource] ?? 0;
  const holders = slots.filter((other) => heldBy(other) > 0 && (other.pinned || !isPermanent));
  const parts = [
    showAmount(resource, budget[resource]!),
    ...holders.map((other) => `${nameOf(other)} holds ${showAmount(resource, heldBy(other))}`),
    ...(isPermanent ? [] : [`other programs leave ${showAmount(resource, memory.free(budget)[resource]!)}`]),
  ];
  return new LaminaError('OUT_OF_MEMORY', {
    model: slot.name,
    needed: `${showAmount(resource, need[resource]!)} ${nounOf(resource)}`,
    available: parts.join('; '),
    needs: need,
    budget,
    held: Object.fromEntries(slots.filter(({ occupies }) => occupies).map(({ name }) => [name, memory.held(name)])),
    hint: hintFor(slot, resource, isPermanent),
  });
}

/** Why requests for a slot wait, a sentence part: `it needs 5.0 GB more memory, and "big" is busy`. */
export function waitReason(missing: Resources, memory: Memory, slots: readonly Slot[]): string {
  const [resource] = Object.keys(missing) as [string];
  const busy = slots.filter(({ name, running }) => (memory.held(name)[resource] ?? 0) > 0 && (running?.busy ?? 0) > 0);
  const who =
    busy.length === 0 ? '' : `, and ${busy.map(nameOf).join(' and ')} ${busy.length === 1 ? 'is' : 'are'} busy`;
  return `it needs ${showAmount(resource, missing[resource]!)} more ${nounOf(resource)}${who}`;
}

function hintFor({ prepared }: Slot, resource: string, isPermanent: boolean): string {
  if (resource === 'servers') return 'Stop or unpin a model, or raise limits.maxLoaded.';
  if (resource.startsWith('group:')) return 'Stop or unpin a model of the group, or raise its max_loaded.';
  if (!isPermanent) return 'End other programs that use memory, or try again later.';
  const { contextLength, largestContext } = prepared?.memory ?? {};
  return largestContext !== undefined && contextLength !== undefined && largestContext < contextLength
    ? `A context of ${largestContext} tokens would fit; this one is ${contextLength}.`
    : 'Choose a smaller model, or a smaller context.';
}

function nameOf({ name, pinned }: Slot): string {
  return `"${name}"${pinned ? ' (pinned)' : ''}`;
}

function nounOf(resource: string): string {
  if (resource === 'host') return 'memory';
  if (resource === 'servers') return 'model server';
  return resource.startsWith('group:')
    ? `place in the group "${resource.slice('group:'.length)}"`
    : `memory of ${resource}`;
}

function showAmount(resource: string, quantity: number): string {
  return countsModels(resource) ? String(quantity) : showSize(Math.max(0, quantity));
}
