// Finds what a test left behind: processes, and whatever else keeps this process alive.
import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { ProcessWatch } from './conformance/processes.js';

const graceMs = 1_000;
const pollMs = 20;

/**
 * Remembers what is open now. The answer asserts that nothing was added: no process that this one started or that such
 * a one started, no socket, server, file watcher or timer that keeps this process alive. What is just being closed gets
 * a second. For a test runner's first and last hook; await both in a hook, or both in a test, for the runner's own
 * timer is counted too.
 * @throws AssertionError that names what was left
 */
export async function watchForLeaks(): Promise<() => Promise<void>> {
  const processes = new ProcessWatch();
  const before = await countHandles();
  return async () => {
    const deadline = performance.now() + graceMs;
    let left = await findLeaks(processes, before);
    while (left.length > 0 && performance.now() < deadline) {
      await setTimeout(pollMs);
      left = await findLeaks(processes, before);
    }
    assert.deepEqual(left, [], `Something was left behind: ${left.join(', ')}`);
  };
}

async function findLeaks(processes: ProcessWatch, before: ReadonlyMap<string, number>): Promise<string[]> {
  const living = processes.look().map(({ pid, command }) => `process ${pid} (${command.slice(0, 120)})`);
  const more = [...(await countHandles())].map(([type, count]) => [type, count - (before.get(type) ?? 0)] as const);
  return [...living, ...more.filter(([, count]) => count > 0).map(([type, count]) => `${count} ${type}`)];
}

/**
 * Type of resource → how many of it keep this process alive. Requests under way are not counted: they end by
 * themselves.
 */
async function countHandles(): Promise<Map<string, number>> {
  // While a timer's callback runs, the timer counts; and a runner starts its own after it called the test.
  await setImmediate();
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo().filter((name) => !/Req|Immediate/.test(name)))
    counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
