// GGUF models in several files: `<prefix>-00001-of-00003.gguf`, in any case of letters, as llama.cpp names them.
import { basename, dirname, join } from 'node:path';
import { wait, type Steps } from '../../kernel/steps.js';
import type { Folders } from './folders.js';

const pattern = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)?$/i;

/** The shards a file name belongs to: what comes before the numbers, which one it is, of how many. */
export interface ShardName {
  readonly prefix: string;
  readonly index: number;
  readonly count: number;
}

/** The shards that are there, in order, and what is missing of them. */
export interface FoundShards {
  readonly paths: readonly string[];
  readonly problem?: string;
}

/** Reads a file name; `undefined` when it is not one of a shard. */
export function shardName(name: string): ShardName | undefined {
  const match = pattern.exec(name);
  return match === null ? undefined : { prefix: match[1]!, index: Number(match[2]), count: Number(match[3]) };
}

/** Every shard beside the one that is named; `undefined` when the path names no shard. */
export function* shardsOf(path: string, folders: Folders): Steps<FoundShards | undefined> {
  const named = shardName(basename(path));
  if (named === undefined) return undefined;
  if (named.index < 1 || named.index > named.count)
    return { paths: [], problem: `${basename(path)} is number ${named.index} of ${named.count}, which cannot be` };
  const present = new Map<number, string>();
  for (const name of (yield* wait(folders.list(dirname(path)))).names) {
    const shard = shardName(name);
    if (shard?.count === named.count && shard.prefix.toLowerCase() === named.prefix.toLowerCase())
      present.set(shard.index, name);
  }
  const ordered = [...present.entries()]
    .filter(([index]) => index >= 1 && index <= named.count)
    .sort(([a], [b]) => a - b);
  const paths = ordered.map(([, name]) => join(dirname(path), name));
  return ordered.length === named.count
    ? { paths }
    : { paths: paths.length > 0 ? paths : [path], problem: absent(named, new Set(present.keys())) };
}

function absent(named: ShardName, present: ReadonlySet<number>): string {
  const first: number[] = [];
  for (let index = 1; index <= named.count && first.length < 4; index++) if (!present.has(index)) first.push(index);
  const count = named.count - present.size;
  return `of the ${named.count} shards of ${named.prefix} ${count === 1 ? 'number' : 'numbers'} ${first.slice(0, 3).join(', ')}${first.length > 3 ? ', …' : ''} ${count === 1 ? 'is' : 'are'} not there`;
}
