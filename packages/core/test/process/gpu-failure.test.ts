// An engine that CUDA or ROCm ends: the reason quotes the message and says what to do. The lines are as llama.cpp, rocBLAS
// and PyTorch print them.
import assert from 'node:assert/strict';
import { EngineFixture } from './engine-fixture.js';

const aborted = { signal: 'SIGABRT' } as const;
const newerBuild = /^This build of the engine has no code for this GPU/;
const recorded: readonly {
  readonly of: string;
  readonly print: readonly string[];
  readonly quotes: string;
  readonly says: RegExp;
  readonly exit?: { readonly code: number };
}[] = [
  {
    of: 'a build of llama.cpp without code for this GPU',
    print: [
      '0.00.239.812 E ggml_cuda_compute_forward: RMS_NORM failed',
      '0.00.239.814 E CUDA error: no kernel image is available for execution on the device',
      '0.00.239.816 E   current device: 0, in function ggml_cuda_compute_forward at ggml-cuda.cu:2353',
      'ggml-cuda.cu:75: CUDA error',
    ],
    quotes: '"CUDA error: no kernel image is available for execution on the device"',
    says: /Install a build for its compute capability/,
  },
  {
    of: 'an older build of llama.cpp',
    print: ['CUDA error 209 at ggml-cuda.cu:6701: no kernel image is available for execution on the device'],
    quotes: '"CUDA error 209 at ggml-cuda.cu:6701: no kernel image is available for execution on the device"',
    says: newerBuild,
    exit: { code: 1 },
  },
  {
    of: 'a driver that is older than the build',
    print: ['CUDA error: the provided PTX was compiled with an unsupported toolchain.', 'ggml-cuda.cu:97: CUDA error'],
    quotes: '"CUDA error: the provided PTX was compiled with an unsupported toolchain"',
    says: /^The NVIDIA driver is too old .* Update the driver/,
  },
  {
    of: 'a build for ROCm without code for this GPU',
    print: ['ggml-cuda.cu:97: ROCm error', 'ROCm error: invalid device function', '  current device: 1'],
    quotes: '"ROCm error: invalid device function"',
    says: /set HSA_OVERRIDE_GFX_VERSION .* in "env" of the backend/,
  },
  {
    of: 'a HIP runtime without code for this GPU',
    print: ['"hipErrorNoBinaryForGpu: Unable to find code object for all current devices!"'],
    quotes: 'hipErrorNoBinaryForGpu',
    says: newerBuild,
  },
  {
    of: 'rocBLAS without code for this GPU',
    print: [
      'rocBLAS error: Cannot read /opt/rocm/lib/rocblas/library/TensileLibrary.dat: No such file or directory for GPU arch : gfx1036',
    ],
    quotes: 'TensileLibrary.dat: No such file or directory for GPU arch : gfx1036"',
    says: /^rocBLAS has no code for this GPU .* HSA_OVERRIDE_GFX_VERSION/,
  },
  {
    of: 'a user who may not open the GPU',
    print: ['rocBLAS error: Could not initialize Tensile host: No devices found'],
    quotes: '"rocBLAS error: Could not initialize Tensile host: No devices found"',
    says: /the groups render and video/,
  },
  {
    of: 'PyTorch, whose exception is not all of the explanation',
    print: ['RuntimeError: CUDA error: no kernel image is available for execution on the device'],
    quotes: '"CUDA error: no kernel image is available for execution on the device"',
    says: newerBuild,
    exit: { code: 1 },
  },
  {
    of: 'any other failure of a GPU',
    print: ['ggml-cuda.cu:97: CUDA error', 'CUDA error: an illegal memory access was encountered'],
    quotes: '"CUDA error: an illegal memory access was encountered"',
    says: /^The GPU failed .* update its driver/,
  },
  {
    of: 'a failure whose message was lost',
    print: ['/build/ggml-cuda.cu:97: ROCm error'],
    quotes: '"/build/ggml-cuda.cu:97: ROCm error"',
    says: /^The GPU failed/,
  },
  {
    of: 'a GPU without memory',
    print: ['CUDA error: out of memory'],
    quotes: '"CUDA error: out of memory"',
    says: /^The GPU has too little free memory/,
  },
];

describe('an engine that CUDA or ROCm ends', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  for (const { of, print, quotes, says, exit = aborted } of recorded)
    it(`at its start quotes the message and says what to do: ${of}`, async () => {
      const { code, details } = await fixture.failure({ print: ['loading', ...print], exit });
      const reason = String(details['reason']);
      assert.equal(code, 'MODEL_START_FAILED');
      assert.match(reason, says);
      assert.ok(reason.includes(quotes), reason);
    });

  it('while it runs does so too', async () => {
    const server = await fixture.start({ print: ['ROCm error: invalid device function'] });
    void fetch(`http://127.0.0.1:${fixture.ports[0]}/control/exit?code=134`).catch(() => undefined);
    assert.match((await server.closed).reason, /no code for this GPU .*HSA_OVERRIDE_GFX_VERSION/);
  });

  it('takes precedence over the explanation of the backend, which knows no GPU', async () => {
    const print = ['CUDA error: no kernel image is available for execution on the device'];
    const error = await fixture.failure({ print, exit: aborted }, { explain: () => 'It failed.' });
    assert.match(String(error.details['reason']), newerBuild);
  });

  it('leaves other failures to the backend, which knows its options', async () => {
    const error = await fixture.failure(
      { print: ['CUDA error: out of memory'], exit: aborted },
      { explain: () => 'Lower context_length.' },
    );
    assert.equal(error.details['reason'], 'Lower context_length.');
  });

  it('is not the cause when somebody killed it', async () => {
    const error = await fixture.failure({ print: ['CUDA error: invalid argument'], exit: { signal: 'SIGKILL' } });
    assert.match(String(error.details['reason']), /another program killed the engine/);
  });
});

describe('an engine that aborts for another reason', () => {
  let fixture: EngineFixture;
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(() => fixture.close());

  it('is reported with its last informative line', async () => {
    const error = await fixture.failure({ print: ['loading', 'fatal: bad header', 'bye'], exit: aborted });
    assert.equal(error.details['reason'], 'the engine aborted (SIGABRT): fatal: bad header');
  });
});
