// The thread that hashes: follows files that grow, as far as it is told, so that the thread that receives them is free.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import type { HashAnswer, HashOrder } from './hash.js';

interface Task {
  readonly fd: number;
  readonly hash: Hash;
  position: number;
  to: number;
  finish: boolean;
}

const port = parentPort!;
/** Small enough for a processor's own cache, which makes reading and hashing it a quarter cheaper than a mebibyte. */
const buffer = Buffer.allocUnsafeSlow(128 * 1024);
/** So many reads of one file, then a look at the others and the orders. */
const readsAtOnce = 8;
const tasks = new Map<number, Task>();
let working = false;

port.on('message', (order: HashOrder) => {
  try {
    take(order);
  } catch (error) {
    fail(order.id, error);
  }
});

function take(order: HashOrder): void {
  if (order.kind === 'drop') return drop(order.id);
  if (order.kind === 'begin') {
    tasks.set(order.id, {
      fd: openSync(order.path, 'r'),
      hash: createHash('sha256'),
      position: 0,
      to: 0,
      finish: false,
    });
    return;
  }
  const task = tasks.get(order.id);
  if (task === undefined) return;
  task.to = Math.max(task.to, order.to);
  task.finish ||= order.kind === 'finish';
  if (!working) setImmediate(work);
  working = true;
}

/** A piece of each task, then a look at the orders. */
function work(): void {
  working = false;
  for (const [id, task] of tasks) {
    try {
      working = step(id, task) || working;
    } catch (error) {
      fail(id, error);
    }
  }
  if (working) setImmediate(work);
}

/** True when there is more to do at once. */
function step(id: number, task: Task): boolean {
  for (let reads = 0; reads < readsAtOnce && task.position < task.to; reads += 1) {
    const wanted = Math.min(buffer.length, task.to - task.position);
    const read = readSync(task.fd, buffer, 0, wanted, task.position);
    if (read === 0) throw new Error('the file is shorter than what was written to it');
    task.hash.update(buffer.subarray(0, read));
    task.position += read;
  }
  if (task.position < task.to) return true;
  if (task.finish) {
    port.postMessage({ id, digest: task.hash.digest('hex') } satisfies HashAnswer);
    drop(id);
  }
  return false;
}

function fail(id: number, error: unknown): void {
  drop(id);
  port.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies HashAnswer);
}

function drop(id: number): void {
  const task = tasks.get(id);
  tasks.delete(id);
  if (task !== undefined) closeSync(task.fd);
}
