// Says in a sentence which resource a model lacks, and who holds it.
import { LaminaError } from '../contract/errors.js';
import type { Resources } from '../contract/memory.js';
import { showSize } from '../kernel/sizes.js';
import type { Memory } from './memory.js';
import type { Slot } from './slot.js';

/** The error of a start that cannot fit: what it needs, what there is, who holds it, and the context that would fit. */
export function outOfMemory(
  slot: Slot,
  { need, missing, memory, slots }: { need: Resources; missing: Resources; memory: Memory; slots: readonly Slot[] },
): LaminaError {
  const [resource] = Object.keys(missing) as [string];
  const budget = memory.budget()[resource]!;
  const holders = slots.filter(({ name }) => (memory.held(name)[resource] ?? 0) > 0);
  return new LaminaError('OUT_OF_MEMORY', {
    model: slot.name,
    needed: amount(resource, need[resource]!),
    available: `${amount(resource, budget)}${holders.length === 0 ? '' : `, of which ${holders.map((holder) => held(holder, resource, memory)).join(', ')}`}`,
    needs: need,
    budget: memory.budget(),
    held: Object.fromEntries(slots.filter(({ occupies }) => occupies).map(({ name }) => [name, memory.held(name)])),
    hint: hintFor(slot, resource, missing[resource]! + need[resource]! > budget),
  });
}

/** Why requests for a slot wait, a sentence part: `it needs 5.0 GB more memory, and "big" is busy`. */
export function waitReason(missing: Resources, memory: Memory, slots: readonly Slot[]): string {
  const [resource] = Object.keys(missing) as [string];
  const holders = slots.filter(({ name }) => (memory.held(name)[resource] ?? 0) > 0);
  const busy = holders.filter(({ running }) => (running?.busy ?? 0) > 0).map(({ name }) => `"${name}"`);
  const who = busy.length === 0 ? '' : `, and ${busy.join(' and ')} ${busy.length === 1 ? 'is' : 'are'} busy`;
  return `it needs ${amount(resource, missing[resource]!)} more${who}`;
}

function hintFor({ prepared }: Slot, resource: string, alone: boolean): string {
  if (resource === 'servers') return 'Stop or unpin a model, or raise limits.maxLoaded.';
  if (resource.startsWith('group:')) return 'Stop or unpin a model of the group, or raise its max_loaded.';
  const { contextLength, largestContext } = prepared?.memory ?? {};
  if (alone && largestContext !== undefined && contextLength !== undefined && largestContext < contextLength)
    return `A context of ${largestContext} tokens would fit; this one is ${contextLength}.`;
  return alone
    ? 'Choose a smaller model, or a smaller context.'
    : 'End other programs that need memory, or stop a model.';
}

function held({ name, pinned }: Slot, resource: string, memory: Memory): string {
  return `"${name}"${pinned ? ' (pinned)' : ''} holds ${amount(resource, memory.held(name)[resource]!)}`;
}

/** `5.0 GB of memory`, `5.0 GB of CUDA0`, `1 model server`, `1 place in the group "big"`. */
function amount(resource: string, quantity: number): string {
  if (resource === 'servers') return `${quantity} model server${quantity === 1 ? '' : 's'}`;
  if (resource.startsWith('group:')) return `${quantity} of the group "${resource.slice('group:'.length)}"`;
  return `${showSize(Math.max(0, quantity))} of ${resource === 'host' ? 'memory' : resource}`;
}
