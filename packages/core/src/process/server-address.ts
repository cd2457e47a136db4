// Where the owner of a data directory is served: written by the owner, and read by commands of the same machine.
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../kernel/atomic-write.js';
import { liveOwner } from './lock.js';

interface ServerAddress {
  readonly url: string;
  /** The lock of the owner that wrote it, so that the file of one that died means nothing. */
  readonly owner: string;
}

/** Records the URL at which this process, which owns the data directory, is served. The returned function removes it. */
export async function recordServerAddress(dataDir: string, url: string): Promise<() => Promise<void>> {
  const path = fileIn(dataDir);
  const owner = await liveOwner(dataDir);
  await writeFileAtomic(path, `${JSON.stringify({ url, owner })}\n`, { mode: 0o600 });
  return () => rm(path, { force: true });
}

/** The URL at which the live owner of a data directory is served; `undefined` when there is none, or it is not served. */
export async function readServerAddress(dataDir: string): Promise<string | undefined> {
  const text = await readFile(fileIn(dataDir), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { url, owner } = parse(text);
  return typeof url === 'string' && owner === (await liveOwner(dataDir)) ? url : undefined;
}

function parse(text: string): Partial<ServerAddress> {
  try {
    return (JSON.parse(text) ?? {}) as Partial<ServerAddress>;
  } catch {
    return {};
  }
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'server.json');
}
