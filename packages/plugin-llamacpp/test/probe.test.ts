import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Availability, Logger } from '@lamina/core/plugin';
import { llamaCppBackend } from '../dist/backend.js';
import { helpEarly2025 } from './help.js';

const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

describe('a probe of llama.cpp', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-llamacpp-'))));
  afterEach(() => rm(folder, { recursive: true }));

  /** Probes a program that is a shell script. */
  async function probe(script: string): Promise<Availability> {
    const executable = join(folder, 'llama-server');
    await writeFile(executable, `#!/bin/sh\n${script}\n`);
    await chmod(executable, 0o755);
    return llamaCppBackend()
      .create('llama.cpp', {})
      .probe({ signal: AbortSignal.timeout(10_000), log: quiet, env: { PATH: `${folder}:/usr/bin:/bin` } });
  }

  const old = `case "$1" in
--version) echo 'ggml_cuda_init: found 1 CUDA devices:' >&2; echo 'version: 6123 (abc1234)' >&2;;
--help) cat <<'HELP'\n${helpEarly2025}\nHELP\n;;
--list-devices) echo 'Available devices:'; echo '  CUDA0: NVIDIA RTX (1000 MiB, 900 MiB free)';;
esac`;

  it('finds llama-server in PATH, with its version and devices', async () => {
    const answer = await probe(old);
    assert.ok(answer.available);
    assert.deepEqual(
      [answer.executable, answer.version, answer.devices?.map(({ name }) => name)],
      [join(folder, 'llama-server'), 'b6123', ['CUDA0']],
    );
  });

  it('rejects another program', async () => {
    const answer = await probe('echo "usage: something else"');
    assert.ok(!answer.available);
    assert.match(answer.reason, /does not respond like llama-server/);
  });

  it('reports how to install it when it is missing', async () => {
    const answer = await llamaCppBackend()
      .create('mine', {})
      .probe({ signal: AbortSignal.timeout(10_000), log: quiet, env: { PATH: folder } });
    assert.ok(!answer.available);
    assert.match(answer.hint, /^Install llama\.cpp .* "executable" of the backend "mine" in the manifest\.$/);
  });
});
