// Maps groups of llama-swap, which say what a start stops, to groups of the manifest, which say what never runs together.
import type { ImportNote, ModelGroup } from '@lamina/core';
import type { Configuration, SwapGroup } from './schema.js';

/** The models without a group are one for llama-swap. */
const rest = '(default)';

interface Member {
  readonly name: string;
  readonly group: string;
  readonly swap: boolean;
  readonly exclusive: boolean;
  readonly persistent: boolean;
}

/** What the groups of a configuration become. */
export interface MappedGroups {
  readonly groups: Readonly<Record<string, ModelGroup>>;
  /** Models that no other may stop. */
  readonly persistent: ReadonlySet<string>;
  readonly notes: readonly ImportNote[];
}

/** The groups for these models. */
export function mapGroups(configuration: Configuration, models: readonly string[]): MappedGroups {
  const { key, groups } = groupsIn(configuration);
  const members = membersOf(groups, models);
  const written = new Map(Object.entries(groups).map(([name, { members = [] }]) => [name, members]));
  const named = cliquesOf(members).map((clique, index) => {
    const [same] = [...written].find(([, names]) => isSame(names, clique)) ?? [];
    return [same ?? `llama-swap${index === 0 ? '' : `-${index + 1}`}`, { models: [...clique], max_loaded: 1 }] as const;
  });
  const unknown = Object.entries(groups).flatMap(([name, { members: names = [] }]) =>
    names
      .filter((one) => !models.includes(one))
      .map((one) => ({ what: `${key}.${name}.members: ${one}`, message: 'There is no entry for this model.' })),
  );
  return {
    groups: Object.fromEntries(named),
    persistent: new Set(members.filter(({ persistent, swap }) => persistent && !swap).map(({ name }) => name)),
    notes: [
      ...unknown,
      ...oneSided(key, members),
      ...Object.entries(groups).flatMap((group) => persistence(key, group)),
    ],
  };
}

function groupsIn({ groups, routing }: Configuration): { key: string; groups: Readonly<Record<string, SwapGroup>> } {
  if (groups !== undefined) return { key: 'groups', groups };
  const { use, settings } = routing?.router ?? {};
  return { key: 'routing.router.settings.groups', groups: use === 'matrix' ? {} : (settings?.groups ?? {}) };
}

/** llama-swap's matrix decides about all models, so nothing is known of those without a group then. */
function membersOf(groups: Readonly<Record<string, SwapGroup>>, models: readonly string[]): readonly Member[] {
  return models.map((name) => {
    const [group, { swap = true, exclusive = true, persistent = false }] = Object.entries(groups).find(([, one]) =>
      one.members?.includes(name),
    ) ?? [rest, {} as SwapGroup];
    return { name, group, swap, exclusive, persistent };
  });
}

/** Whether a start of the first stops the second. */
function stops(first: Member, second: Member): boolean {
  return first.group === second.group ? first.swap : first.exclusive && !second.persistent;
}

/** Sets of models of which each stops each other, so that every such pair is in one of them. */
function cliquesOf(members: readonly Member[]): readonly (readonly string[])[] {
  const excludes = (one: Member, other: Member) => stops(one, other) && stops(other, one);
  const cliques: (readonly Member[])[] = [];
  members.forEach((first, index) => {
    for (const second of members.slice(index + 1)) {
      if (!excludes(first, second)) continue;
      if (cliques.some((clique) => clique.includes(first) && clique.includes(second))) continue;
      const grown = members.reduce<readonly Member[]>(
        (clique, next) =>
          clique.includes(next) || !clique.every((one) => excludes(one, next)) ? clique : [...clique, next],
        [first, second],
      );
      cliques.push(members.filter((member) => grown.includes(member)));
    }
  });
  return cliques.map((clique) => clique.map(({ name }) => name));
}

/** Groups that stop others which do not stop them. */
function oneSided(key: string, members: readonly Member[]): readonly ImportNote[] {
  const pairs = new Map<string, Set<string>>();
  for (const one of members)
    for (const other of members)
      if (one.group !== other.group && stops(one, other) && !stops(other, one))
        pairs.set(one.group, (pairs.get(one.group) ?? new Set()).add(other.group));
  return [...pairs].map(([group, others]) => ({
    what: group === rest ? key : `${key}.${group}.exclusive`,
    message: `A start of ${group === rest ? 'a model without a group' : 'its models'} stopped those of ${listed(others)}, but not the other way round. In Lamina such models run together as far as memory suffices; add a group if they must not.`,
  }));
}

function persistence(
  key: string,
  [name, { persistent = false, swap = true }]: readonly [string, SwapGroup],
): readonly ImportNote[] {
  if (!persistent || !swap) return [];
  const message =
    'A pinned model never makes way for another one, so the members of a group that swaps cannot be pinned. Other models may stop them when memory is short.';
  return [{ what: `${key}.${name}.persistent`, message }];
}

function listed(names: ReadonlySet<string>): string {
  return [...names].map((name) => (name === rest ? 'models without a group' : `"${name}"`)).join(' and ');
}

function isSame(names: readonly string[], others: readonly string[]): boolean {
  return names.length === others.length && names.every((name) => others.includes(name));
}
