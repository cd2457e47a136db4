// Any schedule of kills, cuts, pauses and changes ends in the right bytes or a clear error, never in a wrong
// file under the final name.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Downloading } from './downloading.js';
import {
  withoutLengths,
  dropping,
  etagOf,
  failing,
  ggufBytes,
  HostileServer,
  honest,
  sha256Of,
  stalling,
  trickling,
  withoutRanges,
  type Behaviour,
} from './hostile-server.js';

const bytes = 9_000_003;
const servers: Readonly<Record<string, Behaviour>> = {
  honest,
  slow: trickling(50_000, 10),
  whole: withoutRanges,
  bare: withoutLengths,
  dropping: dropping(400_000),
  stalling: stalling(2, 50_000),
  failing: failing(2, 503),
};
const how = fc.constantFrom(...Object.keys(servers));
const step = fc.record({
  what: fc.constantFrom(
    'kill' as const,
    'close' as const,
    'cut' as const,
    'pause' as const,
    'change' as const,
    'serve' as const,
  ),
  how,
  afterBytes: fc.integer({ min: 0, max: bytes }),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

describe('a download under any schedule', () => {
  it('ends in the right bytes or a clear error', async function () {
    this.timeout(240_000);
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), how, fc.boolean(), play), {
      numRuns: Number(process.env['LAMINA_PROPERTY_RUNS'] ?? 3),
      endOnFailure: true,
    });
  });
});

async function play(steps: readonly Step[], first: string, checked: boolean): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'lamina-schedule-'));
  const server = await HostileServer.open();
  const versions = [ggufBytes(bytes)];
  const serve = (name: string) => server.serve('/tiny.gguf', versions.at(-1)!, servers[name]);
  const url = serve(first);
  const order = {
    modelsDir: folder,
    reference: checked ? { url, sha256: sha256Of(versions[0]!) } : url,
    downloads: { stallTimeout: 0.5, retryDelay: 0.005, maxRetries: 3 },
  };
  let downloading = new Downloading(order);
  const restartAfter = async (end: Promise<void>) => {
    await end;
    assertWhole(folder, versions, checked);
    downloading = new Downloading(order);
  };
  try {
    for (const { what, how, afterBytes } of steps) {
      await downloading.until(() => downloading.done >= afterBytes);
      if (what === 'kill') await restartAfter(downloading.kill());
      if (what === 'close') await restartAfter(downloading.close());
      if (what === 'cut') server.cut();
      if (what === 'pause') downloading.pause();
      if (what === 'change') versions.push(ggufBytes(bytes));
      if (what === 'change' || what === 'serve') serve(how);
    }
    await downloading.until(() => false);
    if (downloading.ended?.ended === 'failed') assertClear(downloading.ended.error);
    else assert.ok(existsSync(join(folder, 'tiny/tiny.gguf')));
    assertWhole(folder, versions, checked);
  } finally {
    await downloading.kill();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file under the final name is one complete version: the announced one, if there is one. */
function assertWhole(folder: string, versions: readonly Buffer[], checked: boolean): void {
  const path = join(folder, 'tiny/tiny.gguf');
  if (!existsSync(path)) return;
  const right = checked ? versions.slice(0, 1) : versions;
  assert.ok(
    right.some((version) => etagOf(version) === etagOf(readFileSync(path))),
    'a wrong file exists under the final name',
  );
}

function assertClear({ code, message }: { code: string; message: string }): void {
  assert.notEqual(code, 'INTERNAL', message);
  assert.match(message, /\.$/);
}
