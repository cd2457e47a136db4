// What the names in a directory stand for, as a thread tells it: in few and flat objects, for there are as many listings as directories.
import type { FileVersion } from './disk.js';

/** What a name in a directory stands for, links followed; `nothing` for a link that leads nowhere. A directory has 0 bytes. */
export interface Named extends FileVersion {
  readonly kind: 'file' | 'directory' | 'nothing';
  readonly isLink: boolean;
}

/** A listing as messages carry it: for each name, sorted, a mark, a number of bytes and a time. */
export type ListedNames = readonly [names: readonly string[], marks: readonly Mark[], bytes: readonly number[], modifiedMs: readonly number[]];

/** What a name stands for; of links what they lead to. */
export type Mark = keyof typeof meanings;

const meanings = {
  f: { kind: 'file', isLink: false },
  d: { kind: 'directory', isLink: false },
  F: { kind: 'file', isLink: true },
  D: { kind: 'directory', isLink: true },
  N: { kind: 'nothing', isLink: true },
} as const;

/** The names in a directory, sorted. */
export class Listing {
  constructor(private readonly listed: ListedNames) {}

  get names(): readonly string[] {
    return this.listed[0];
  }

  /** What a name stands for; `undefined` when there is none like it. */
  get(name: string): Named | undefined {
    const place = this.placeOf(name);
    if (place === -1) return undefined;
    const [, marks, bytes, modifiedMs] = this.listed;
    const { kind, isLink } = meanings[marks[place]!];
    return { kind, isLink, bytes: bytes[place]!, modifiedMs: modifiedMs[place]! };
  }

  /** The names a walk goes down into: directories that are not hidden. Links may lead round in a circle. */
  get down(): readonly string[] {
    const [names, marks] = this.listed;
    return names.filter((name, place) => marks[place] === 'd' && !name.startsWith('.'));
  }

  private placeOf(name: string): number {
    const [names] = this.listed;
    let [from, to] = [0, names.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (names[middle]! < name) from = middle + 1;
      else to = middle;
    }
    return names[from] === name ? from : -1;
  }
}
