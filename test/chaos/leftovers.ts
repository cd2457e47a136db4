// Checks for leftovers of a run: processes, descriptors, files.
import { readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, openDescriptors, processesWith, signal, type Process } from './processes.js';
import { markVariable } from './settings.js';
import type { ChaosServer } from './server.js';
import type { Tally } from './tally.js';

const endMs = 15_000;
const settleMs = 30_000;
const pollMs = 250;
const ownerVariable = 'LAMINA_OWNER';

/** Engines of a server that has ended must end soon; those that do not are killed and counted. */
export async function checkEnginesGone(tally: Tally, serverPid: number): Promise<void> {
  const find = () => processesWith(ownerVariable, (owner) => owner.startsWith(`${serverPid}:`));
  await killLeft(tally, `engines of server ${serverPid} that outlive it`, find);
}

/** No process of a run may be alive after its last server has ended. */
export async function checkNoProcesses(tally: Tally, mark: string, server: ChaosServer): Promise<void> {
  const find = () => {
    const marked = processesWith(markVariable, (value) => value === mark);
    const known = [...server.seenChildren.values()].filter(
      (one) => isAlive(one) && !marked.some(({ pid }) => pid === one.pid),
    );
    return [...marked, ...known];
  };
  await killLeft(tally, 'processes left', find);
}

async function killLeft(tally: Tally, what: string, find: () => Process[]): Promise<void> {
  const limit = Date.now() + endMs;
  while (find().length > 0 && Date.now() < limit) await delay(pollMs);
  const left = find();
  tally.check(what, left.length, left.map(({ pid, command }) => `${pid} (${command})`).join(', '));
  for (const one of left) signal(one, 'SIGKILL');
}

/** Waits until a process has no more open descriptors than before; the excess is counted. */
export async function checkDescriptors(tally: Tally, pid: number, before: ReadonlyMap<string, number>): Promise<void> {
  let more = added(pid, before);
  for (const limit = Date.now() + settleMs; more.length > 0 && Date.now() < limit; more = added(pid, before))
    await delay(pollMs);
  const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);
  const note = more.map(([kind, count]) => `${kind} +${count}`).join(', ');
  tally.check(
    'descriptors left open',
    sum(more.map(([, count]) => count)),
    note || `${sum(before.values())} before, ${sum(openDescriptors(pid).values())} after`,
  );
}

function added(pid: number, before: ReadonlyMap<string, number>): [string, number][] {
  return [...openDescriptors(pid)]
    .map(([kind, count]): [string, number] => [kind, count - (before.get(kind) ?? 0)])
    .filter(([, count]) => count > 0);
}

/**
 * Finds temporary files, and folders of downloads, below the models directory, which contains the data
 * directory.
 */
export function checkFiles(tally: Tally, modelsDir: string): void {
  const entries = readdirSync(modelsDir, { recursive: true, withFileTypes: true });
  const paths = entries.map((entry) => ({
    path: join(entry.parentPath, entry.name).slice(modelsDir.length + 1),
    isFolder: entry.isDirectory(),
  }));
  const temporary = paths.filter(
    ({ path, isFolder }) => !isFolder && /\.(new|part|tmp|temp|draft|corrupt)\b|~$/.test(path),
  );
  const folders = paths.filter(
    ({ path, isFolder }) => isFolder && (/^\.downloads\/[^/]+$/.test(path) || isEmptyModel(path, paths)),
  );
  tally.check('temporary files left', temporary.length, temporary.map(({ path }) => path).join(', '));
  tally.check('folders left', folders.length, folders.map(({ path }) => path).join(', '));
}

/** Nothing may listen where an engine did. */
export async function checkPorts(tally: Tally, origins: ReadonlySet<string>): Promise<void> {
  const left: string[] = [];
  for (const origin of origins) {
    const { hostname: host, port } = new URL(origin);
    const socket = connect({ host, port: Number(port) });
    if (
      await once(socket, 'connect').then(
        () => true,
        () => false,
      )
    )
      left.push(origin);
    socket.destroy();
  }
  tally.check('ports left open', left.length, left.join(', ') || `of ${origins.size}`);
}

/** The folder for temporary files of the servers and engines must be empty. */
export function checkTemporary(tally: Tally, folder: string): void {
  const left = readdirSync(folder);
  tally.check('temporary folders left', left.length, left.join(', '));
}

function isEmptyModel(path: string, all: readonly { path: string }[]): boolean {
  return /^dl-\d+$/.test(path) && !all.some((other) => other.path.startsWith(`${path}/`));
}
