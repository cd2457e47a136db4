// GGUF models split into several files: `<prefix>-00001-of-00003.gguf`, in upper or lower case, as llama.cpp names them.
import { basename, dirname, join } from 'node:path';
import type { Folders } from './folders.js';

const pattern = /^(.+)-(\d{5})-of-(\d{5})(\.gguf)?$/i;

/** The parts of a shard's file name. */
export interface ShardName {
  readonly prefix: string;
  readonly index: number;
  readonly count: number;
}

/** The existing shards in order, and which ones are missing. */
export interface FoundShards {
  readonly paths: readonly string[];
  readonly problem?: string;
}

/** Parses a file name; `undefined` when it is not that of a shard. */
export function shardName(name: string): ShardName | undefined {
  const match = pattern.exec(name);
  return match === null ? undefined : { prefix: match[1]!, index: Number(match[2]), count: Number(match[3]) };
}

/** All shards of the model that a shard belongs to; `undefined` when the path is not a shard. */
export async function shardsOf(path: string, folders: Folders): Promise<FoundShards | undefined> {
  const named = shardName(basename(path));
  if (named === undefined) return undefined;
  if (named.index < 1 || named.index > named.count)
    return { paths: [], problem: `${basename(path)} is number ${named.index} of ${named.count}, which cannot be` };
  const present = new Map<number, string>();
  for (const name of (await folders.list(dirname(path))).keys()) {
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
