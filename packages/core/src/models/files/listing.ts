// What the names in a directory stand for, as a thread tells it: in few strings, for there are as many listings as
// directories.
import { sep } from 'node:path';
import type { FileVersion } from './disk.js';

/**
 * What a name in a directory stands for, links followed; `nothing` for a link that leads nowhere. A directory has 0
 * bytes.
 */
export interface Named extends FileVersion {
  readonly kind: 'file' | 'directory' | 'nothing';
  readonly isLink: boolean;
}

/** What a name stands for; of links what they lead to. */
export type Mark = keyof typeof meanings;

/** A directory as messages carry it: names are joined by what no name has in it. */
export interface ListedDirectory {
  readonly path: string;
  /** For each name, sorted: itself, its mark, and of a file the bytes and the time. */
  readonly names: string;
  /** The directories to go down into: those that are not hidden. Links may lead round in a circle. */
  readonly down: string;
  /** The models in it, by their names: see `offersOf`. */
  readonly models: string;
  /** True when it is a model as a whole. */
  readonly isModel: boolean;
}

const meanings = {
  f: { kind: 'file', isLink: false },
  d: { kind: 'directory', isLink: false },
  F: { kind: 'file', isLink: true },
  D: { kind: 'directory', isLink: true },
  N: { kind: 'nothing', isLink: true },
} as const;

const between = '/';
/** So many words tell of a name. */
const words = 4;

/** The names in a directory, sorted. */
export class Listing {
  private told: readonly string[] | undefined;
  private known: readonly string[] | undefined;

  constructor(private readonly listed: ListedDirectory) {}

  get names(): readonly string[] {
    return (this.known ??= this.all.filter((_, index) => index % words === 0));
  }

  get isModel(): boolean {
    return this.listed.isModel;
  }

  get models(): readonly string[] {
    return split(this.listed.models);
  }

  get down(): readonly string[] {
    return split(this.listed.down);
  }

  /** What a name stands for; `undefined` when there is none like it. */
  get(name: string): Named | undefined {
    const place = placeOf(name, this.names);
    if (place === -1) return undefined;
    const { all } = this;
    const { kind, isLink } = meanings[all[place * words + 1] as Mark];
    return { kind, isLink, bytes: Number(all[place * words + 2]), modifiedMs: Number(all[place * words + 3]) };
  }

  private get all(): readonly string[] {
    return (this.told ??= split(this.listed.names));
  }
}

/** Words as a message carries them. */
export function joined(names: readonly (string | number)[]): string {
  return names.join(between);
}

/** The path of a name in a directory: cheaper than `join`, for a path that is normal already. */
export function pathIn(directory: string, name: string): string {
  return directory.endsWith(sep) ? directory + name : directory + sep + name;
}

function split(text: string): readonly string[] {
  return text === '' ? [] : text.split(between);
}

function placeOf(name: string, sorted: readonly string[]): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (sorted[middle]! < name) from = middle + 1;
    else to = middle;
  }
  return sorted[from] === name ? from : -1;
}
