// Any schedule of cuts, pauses and ends of Lamina ends in the right bytes or a clear error, never in a wrong file under the final name.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createLamina, LaminaError, type Lamina } from '@lamina/core';
import { bare, dropping, etagOf, failing, ggufBytes, HostileServer, honest, sha256Of, stalling, whole, type Behaviour } from './hostile-server.js';

const servers: Readonly<Record<string, Behaviour>> = { honest, whole, bare, dropping: dropping(400_000), stalling: stalling(2, 50_000), failing: failing(2, 503) };
const step = fc.oneof(
  fc.record({ what: fc.constantFrom('cut' as const, 'pause' as const, 'end' as const, 'change' as const), afterBytes: fc.integer({ min: 0, max: 5_000_000 }) }),
  fc.record({ what: fc.constant('serve' as const), how: fc.constantFrom(...Object.keys(servers)), afterBytes: fc.constant(0) }),
);

describe('a download under any schedule', () => {
  it('ends in the right bytes or a clear error', async function () {
    this.timeout(120_000);
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 5 }), fc.constantFrom(...Object.keys(servers)), fc.boolean(), play), { numRuns: 12, endOnFailure: true });
  });
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

async function play(steps: readonly Step[], how: string, checked: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lamina-schedule-'));
  const server = await HostileServer.open();
  const versions = [ggufBytes(5_000_003)];
  const wanted = sha256Of(versions[0]!);
  const reference = { url: server.serve('/tiny.gguf', versions[0]!, servers[how]), ...(checked ? { sha256: wanted } : {}) };
  const open = () => createLamina({ modelsDir: folder, log: 'silent', downloads: { stallTimeout: 0.2, retryDelay: 0.005, attempts: 4 } });
  let lamina = await open();
  try {
    const started = await lamina.downloads.start({ reference, name: 'tiny' }).catch(assertClear);
    if (started === undefined) return;
    for (const { what, afterBytes, ...rest } of steps) {
      await reach(lamina, started.id, afterBytes);
      if (what === 'cut') server.cut();
      if (what === 'pause') await lamina.downloads.pause(started.id).then(() => lamina.downloads.resume(started.id)).catch(assertClear);
      if (what === 'change') server.serve('/tiny.gguf', versions[versions.push(ggufBytes(5_000_003)) - 1]!, servers[how]);
      if (what === 'serve') server.serve('/tiny.gguf', versions.at(-1)!, servers[(rest as { how: string }).how]);
      if (what === 'end') {
        await lamina.close();
        assertWhole(folder, versions, checked);
        lamina = await open();
        if (lamina.downloads.list().length === 0) return;
      }
    }
    await lamina.downloads.wait(started.id, { signal: AbortSignal.timeout(20_000) }).catch(assertClear);
    assertWhole(folder, versions, checked);
  } finally {
    await lamina.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whatever stands under the final name is one version, whole: the promised one, when one was promised. */
function assertWhole(folder: string, versions: readonly Buffer[], checked: boolean): void {
  const path = join(folder, 'tiny/tiny.gguf');
  if (!existsSync(path)) return;
  const right = checked ? versions.slice(0, 1) : versions;
  assert.ok(right.some((version) => etagOf(version) === etagOf(readFileSync(path))), 'a wrong file stands under the final name');
}

function assertClear(error: unknown): undefined {
  assert.ok(LaminaError.is(error), String(error));
  assert.notEqual(error.code, 'INTERNAL', error.message);
  assert.match(error.message, /\.$/);
  return undefined;
}

/** Resolves when so many bytes are here, or it is over. */
async function reach(lamina: Lamina, id: string, bytes: number): Promise<void> {
  const controller = new AbortController();
  const over = lamina.downloads.wait(id, { signal: controller.signal }).then(
    () => undefined,
    () => undefined,
  );
  const there = lamina.events.once('download.progress', { signal: controller.signal, where: ({ done }) => done >= bytes }).catch(() => undefined);
  await Promise.race([over, there]);
  controller.abort();
}
