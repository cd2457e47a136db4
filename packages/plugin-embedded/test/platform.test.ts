import assert from 'node:assert/strict';
import { buildFor } from '../dist/platform.js';

describe('the build of node-llama-cpp', () => {
  const linux = { os: 'linux', processor: 'x64', hasNvidia: true };
  const mac = { os: 'darwin', processor: 'arm64', hasNvidia: false };

  it('is the CPU build by default, also with a GPU', () => {
    assert.deepEqual(buildFor(undefined, linux), {
      name: 'cpu',
      gpu: false,
      packages: ['@node-llama-cpp/linux-x64'],
      megabytes: 55,
    });
  });

  it('is the build for a GPU on request', () => {
    assert.deepEqual(buildFor('cuda', linux), {
      name: 'cuda',
      gpu: 'cuda',
      packages: ['@node-llama-cpp/linux-x64-cuda', '@node-llama-cpp/linux-x64-cuda-ext'],
      megabytes: 364,
    });
    assert.equal(buildFor('vulkan', linux).packages[0], '@node-llama-cpp/linux-x64-vulkan');
  });

  it('is detected for "auto"', () => {
    assert.equal(buildFor('auto', linux).name, 'cuda');
    assert.equal(buildFor('auto', { ...linux, hasNvidia: false }).name, 'cpu');
    assert.equal(buildFor('auto', { os: 'linux', processor: 'arm64', hasNvidia: true }).name, 'cpu');
  });

  it('uses Metal on Apple silicon, in its only build', () => {
    assert.deepEqual(buildFor(undefined, mac), {
      name: 'metal',
      gpu: 'metal',
      packages: ['@node-llama-cpp/mac-arm64-metal'],
    });
    assert.deepEqual(buildFor(false, mac), { name: 'cpu', gpu: false, packages: ['@node-llama-cpp/mac-arm64-metal'] });
  });

  it('is rejected with a message when it does not exist', () => {
    assert.throws(() => buildFor(false, { os: 'sunos', processor: 'x64', hasNvidia: false }), {
      message: 'node-llama-cpp has no build for sunos on x64',
    });
    assert.throws(() => buildFor('metal', linux), {
      message: 'node-llama-cpp has no build with metal for linux on x64; it has cpu, cuda, vulkan',
    });
  });
});
