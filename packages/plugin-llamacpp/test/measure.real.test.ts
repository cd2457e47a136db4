// What the real llama-server says about its memory before it loads.
import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { tinyGguf } from '@lamina/testing';
import { LaminaError, type Backend, type MemoryEstimate } from '@lamina/core/plugin';
import { llamaCppBackend } from '../dist/backend.js';
import { helpEarly2025 } from './help.js';
import { fileOnDisk, modelOf } from './model.js';
import { describeReal, Ground, llamaServer, quiet } from './real-server.js';

const mebibyte = 1024 * 1024;
const machine = { totalBytes: 2 ** 34, freeBytes: 2 ** 34, cores: 1, devices: [] };
const options = { context_length: 2048, parallel: 1, threads: 1, cache_ram: 0 };
const metadata = {
  layers: 2,
  heads: 4,
  kvHeads: 2,
  keyLength: 16,
  valueLength: 16,
  embeddingLength: 64,
  feedForwardLength: 128,
  contextLength: 2048,
};

describeReal('the dry run of llama-server', () => {
  let ground: Ground;
  let guarded: number[];
  let released: number[];
  beforeEach(async () => {
    ground = await Ground.open();
    await tinyGguf(ground.path('model.gguf'));
    guarded = [];
    released = [];
  });
  afterEach(() => ground.close());

  async function measure(backend: Backend, signal = AbortSignal.timeout(20_000)): Promise<MemoryEstimate | undefined> {
    const model = modelOf({ files: [await fileOnDisk('weights', ground.path('model.gguf'))], metadata });
    const estimate = await backend.estimateMemory!(model, options, machine);
    const guard = (pid: number) => {
      guarded.push(pid);
      return () => void released.push(pid);
    };
    return backend.measureMemory!(model, options, { signal, log: quiet, env: process.env, machine, estimate, guard });
  }

  function assertGone(): void {
    assert.equal(guarded.length, 1);
    assert.deepEqual(released, guarded);
    assert.throws(() => process.kill(guarded[0]!, 0), { code: 'ESRCH' });
  }

  it('says the need of the model, and leaves no process', async () => {
    const backend = llamaCppBackend().create('llama.cpp', { executable: llamaServer });
    const measured = (await measure(backend)) ?? assert.fail('nothing was said');
    const model = modelOf({ files: [await fileOnDisk('weights', ground.path('model.gguf'))], metadata });
    const estimated = await backend.estimateMemory!(model, options, machine);
    // It prints whole MiB, of three parts.
    assert.ok(
      Math.abs(measured.hostBytes - estimated!.hostBytes) < 3 * mebibyte,
      JSON.stringify([measured, estimated]),
    );
    assert.equal(measured.contextLength, 2048);
    assertGone();
  });

  it('ends with the signal, and leaves no process', async () => {
    const silent = ground.path('llama-server');
    await writeFile(silent, script('exec sleep 60'));
    await chmod(silent, 0o755);
    const backend = llamaCppBackend().create('llama.cpp', { executable: silent });
    const abort = new AbortController();
    const measuring = measure(backend, abort.signal);
    while (guarded.length === 0) await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new LaminaError('ABORTED', {}));
    await assert.rejects(measuring, { code: 'ABORTED' });
    assertGone();
  });

  it('is without a result when the engine ends and has said nothing', async () => {
    const silent = ground.path('llama-server');
    await writeFile(silent, script('echo loading model'));
    await chmod(silent, 0o755);
    assert.equal(await measure(llamaCppBackend().create('llama.cpp', { executable: silent })), undefined);
    assertGone();
  });
});

function script(otherwise: string): string {
  return `#!/bin/sh
case "$1" in
--version) echo 'version: 6123 (abc1234)' >&2;;
--help) cat <<'HELP'\n${helpEarly2025}\n--cache-ram N    size of the cache\nHELP\n;;
--list-devices) ;;
*) ${otherwise};;
esac
`;
}
