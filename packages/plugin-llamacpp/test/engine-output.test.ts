import assert from 'node:assert/strict';
import { parseDevices } from '../dist/devices.js';
import { installHint } from '../dist/install.js';
import { parseVersion } from '../dist/version.js';

const mebibyte = 1024 * 1024;

describe('the output of llama-server about itself', () => {
  it('contains a version, printed to standard error', () => {
    assert.equal(
      parseVersion({
        stdout: '',
        stderr: 'version: 0.7.0 (build 11669, commit Debian)\nbuilt with GNU 16.2.0 for Linux x86_64\n',
      }),
      '0.7.0',
    );
  });

  it('contains a version in older builds too, after the lines of a GPU backend', () => {
    const stderr =
      'ggml_cuda_init: found 1 CUDA devices:\n  Device 0: NVIDIA RTX, compute capability 8.6, VMM: yes\nversion: 6123 (abc1234)\n';
    assert.equal(parseVersion({ stdout: '', stderr }), 'b6123');
  });

  it('contains no version when another program responds', () => {
    assert.equal(parseVersion({ stdout: 'usage: other [options]', stderr: '' }), undefined);
  });

  it('contains devices with their memory', () => {
    const stdout =
      'Available devices:\n  CUDA0: NVIDIA GeForce RTX 4090 (24080 MiB, 23500 MiB free)\n  RPC[10.0.0.2:50052]: RPC[10.0.0.2:50052] (8000 MiB, 7000 MiB free)\n';
    assert.deepEqual(parseDevices(stdout), [
      {
        name: 'CUDA0',
        description: 'NVIDIA GeForce RTX 4090',
        totalBytes: 24080 * mebibyte,
        freeBytes: 23500 * mebibyte,
      },
      {
        name: 'RPC[10.0.0.2:50052]',
        description: 'RPC[10.0.0.2:50052]',
        totalBytes: 8000 * mebibyte,
        freeBytes: 7000 * mebibyte,
      },
    ]);
  });

  it('contains no devices in a CPU build', () => {
    assert.deepEqual(parseDevices('Available devices:\n  (none)\n'), []);
    assert.deepEqual(parseDevices(''), []);
  });
});

describe('the hint how to install llama-server', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    it(`is one sentence with a method for ${platform}`, () => {
      assert.match(
        installHint(platform),
        /^Install llama\.cpp .*(?:brew|winget|llama\.cpp-tools).*, so that llama-server is in PATH\.$/,
      );
    });
  }
});
