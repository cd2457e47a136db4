// Where a model goes on a machine with GPUs: the command line that a program like llama-server is started with.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createLamina } from '@lamina/core';
import { tinyGguf } from '@lamina/testing';
import { llamacpp } from '../dist/index.js';
import { helpEarly2025 } from './help.js';

/** Flags for devices, as a build with a GPU lists them. */
const flags = `-dev,  --device <dev1,dev2,..>           devices to use for offloading
-ts,   --tensor-split N0,N1,N2,...      fraction of the model to offload to each GPU`;

describe('a start of llama-server on a machine with GPUs', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-placement-'));
    // 1500 MiB of weights, as a hole.
    await tinyGguf(join(folder, 'model.gguf'), { layers: 15 });
    await truncate(join(folder, 'model.gguf'), 1500 * 1024 * 1024);
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** The arguments for these free MiB of each device. */
  async function argumentsOn(
    free: readonly number[],
    options: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    const executable = join(folder, 'llama-server');
    const devices = free.map((each, index) => `echo '  CUDA${index}: A GPU (${2 * each} MiB, ${each} MiB free)'`);
    const script = `#!/bin/sh
case "$1" in
--version) echo 'version: 6123 (abc1234)' >&2;;
--help) cat <<'HELP'\n${helpEarly2025}\n${flags}\nHELP\n;;
--list-devices) echo 'Available devices:'; ${devices.join('; ')};;
*) echo "$@" > '${folder}/arguments'; exit 1;;
esac
`;
    await writeFile(executable, script);
    await chmod(executable, 0o755);
    const lamina = await createLamina({
      modelsDir: folder,
      log: 'silent',
      manifest: { models: { model: { path: 'model.gguf', options: { context_length: 512, ...options } } } },
      limits: { deviceMemory: Object.fromEntries(free.map((each, index) => [`CUDA${index}`, each * 1024 * 1024])) },
      env: { PATH: [folder, '/usr/bin', '/bin'].join(delimiter) },
      plugins: [llamacpp()],
    });
    try {
      await assert.rejects(lamina.runtime.load('model', { signal: AbortSignal.timeout(20_000) }), {
        code: 'MODEL_START_FAILED',
      });
    } finally {
      await lamina.close();
    }
    return readFile(join(folder, 'arguments'), 'utf8');
  }

  it('uses the device where all of it fits', async () => {
    assert.match(await argumentsOn([1000, 4000]), /--gpu-layers \d+ .*--device CUDA1\b/);
  });

  it('splits a model that fits on no device', async () => {
    assert.match(await argumentsOn([1700, 1300]), /--tensor-split \d+,\d+/);
  });

  it('keeps what the operator set', async () => {
    const args = await argumentsOn([1000, 4000], { devices: ['CUDA0'], gpu_layers: 1 });
    assert.match(args, /--gpu-layers 1 .*--device CUDA0\b/);
    assert.doesNotMatch(args, /--tensor-split/);
  });
});
