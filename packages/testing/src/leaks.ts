// Finds processes and open resources that a test left behind.
import assert from 'node:assert/strict';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { ProcessWatch } from './conformance/processes.js';

const graceMs = 1_000;
const pollMs = 20;

/**
 * Records what is open now and returns a function that asserts that nothing was added: no descendant process, and no
 * socket, server, file watcher or timer that keeps this process alive. Resources that are closing have one second.
 * Call both functions in hooks, or both in a test: the timer of the test runner is counted, too.
 * @throws AssertionError that names what was left behind
 * @example
 * ```ts
 * const assertNothingOpen = await watchForLeaks();
 * await runTheCodeUnderTest();
 * await assertNothingOpen();
 * ```
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
  const living = processes.living().map(({ pid, command }) => `process ${pid} (${command.slice(0, 120)})`);
  const more = [...(await countHandles())].map(([type, count]) => [type, count - (before.get(type) ?? 0)] as const);
  return [...living, ...more.filter(([, count]) => count > 0).map(([type, count]) => `${count} ${type}`)];
}

/** Type of resource → how many keep this process alive. Running requests are not counted; they end by themselves. */
async function countHandles(): Promise<Map<string, number>> {
  // A timer counts while its callback runs, and a test runner starts its own timer after it called the test.
  await setImmediate();
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo().filter((name) => !/Req|Immediate/.test(name)))
    counts.set(type, (counts.get(type) ?? 0) + 1);
  return counts;
}
