import assert from 'node:assert/strict';
import { explain } from '../dist/explain.js';
import { modelOf } from './model.js';

const failed = { code: 1, signal: null };
const noise = [
  '0.00.001.097 I srv  llama_server: initializing ...',
  "0.00.015.236 I srv    load_model: loading model 'a.gguf'",
];

/** The explanation of these lines, after others without information. */
function explanation(
  lines: readonly string[],
  exit: { code: number | null; signal: string | null; outOfMemory?: boolean } = failed,
): string | undefined {
  return explain([...noise, ...lines], { model: modelOf(), exit });
}

// Failures that cannot be caused on every machine; the lines are as llama.cpp prints them, or as people
// reported them. All others are in failures.real.test.ts.
const recorded: readonly {
  readonly of: string;
  readonly lines: readonly string[];
  readonly says: RegExp;
  readonly exit?: { code: number | null; signal: string | null; outOfMemory?: boolean };
}[] = [
  {
    of: 'weights too large for a CUDA device',
    lines: [
      'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144817.04 MiB on device 0: cudaMalloc failed: out of memory',
      'alloc_tensor_range: failed to allocate CUDA0 buffer of size 151851674624',
      'llama_model_load: error loading model: unable to allocate CUDA0 buffer',
      "srv    load_model: failed to load model, 'a.gguf'",
    ],
    says: /^CUDA0 has too little free memory \(151\.9 GB were requested at once\)\. Lower gpu_layers or context_length/,
  },
  {
    of: 'a context too large for a CUDA device',
    lines: [
      'ggml_backend_cuda_buffer_type_alloc_buffer: allocating 144.00 MiB on device 4: cudaMalloc failed: out of memory',
      'ggml_gallocr_reserve_n: failed to allocate CUDA4 buffer of size 150995968',
      'llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers',
    ],
    says: /^CUDA4 has too little free memory \(0\.2 GB were requested at once\)/,
  },
  {
    of: 'a Vulkan device without memory',
    lines: [
      'ggml_vulkan: Device memory allocation of size 4294967296 failed.',
      'ggml_vulkan: vk::Device::allocateMemory: ErrorOutOfDeviceMemory',
      'terminate called',
    ],
    says: /^The GPU has too little free memory/,
    exit: { code: null, signal: 'SIGABRT' },
  },
  {
    of: 'memory for weights that are not mapped',
    lines: [
      'ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 437944320',
      'alloc_tensor_range: failed to allocate CPU buffer of size 437944320',
      'llama_model_load: error loading model: unable to allocate CPU buffer',
    ],
    says: /^There is not enough memory \(0\.4 GB were requested at once\)\. Choose a smaller/,
  },
  {
    of: 'a kill by the kernel, out of memory',
    lines: [],
    exit: { code: null, signal: 'SIGKILL', outOfMemory: true },
    says: /^The system killed llama-server because memory ran out\. Choose a smaller/,
  },
  { of: 'a CPU that is too old', lines: [], exit: { code: null, signal: 'SIGILL' }, says: /newer processor/ },
  { of: 'a crash', lines: [], exit: { code: null, signal: 'SIGSEGV' }, says: /^llama-server crashed \(SIGSEGV\)/ },
  {
    of: 'a failed assertion',
    lines: [
      './src/llama-context.cpp:2384: GGML_ASSERT(n_outputs_max <= cparams.n_outputs_max) failed',
      '[New LWP 7245]',
      '#5  ggml_abort () from libggml-base.so.0',
    ],
    exit: { code: null, signal: 'SIGABRT' },
    says: /^llama-server failed an internal check \(n_outputs_max <= cparams\.n_outputs_max\)/,
  },
  {
    of: 'a missing library',
    lines: [
      'llama-server: error while loading shared libraries: libggml.so.0: cannot open shared object file: No such file or directory',
    ],
    exit: { code: 127, signal: null },
    says: /its library libggml\.so\.0 is not installed/,
  },
  {
    of: 'a system that is too old',
    lines: ["llama-server: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.43' not found (required by llama-server)"],
    says: /built for a newer system \(GLIBC_2\.43\)/,
  },
  {
    of: 'no compute backend',
    lines: [
      'llama_model_load_from_file_impl: no backends are loaded. hint: use ggml_backend_load() or ggml_backend_load_all() to load a backend before calling this function',
    ],
    says: /none of its compute backends/,
  },
  {
    of: 'a file without read permission',
    lines: ["gguf_init_from_file: failed to open GGUF file '/m.gguf' (Permission denied)"],
    says: /^\/models\/tiny\.gguf is not readable for this user/,
  },
  {
    of: 'an unknown pre-tokenizer',
    lines: [
      "llama_model_load: error loading model: error loading model vocabulary: unknown pre-tokenizer type: 'mellum3'",
    ],
    says: /the tokenizer "mellum3", which this llama-server does not know/,
  },
  {
    of: 'an environment variable with a wrong value',
    lines: ['error while handling environment variable "LLAMA_ARG_JINJA": invalid boolean value'],
    says: /^The value of LLAMA_ARG_JINJA is wrong: invalid boolean value\. Correct/,
  },
  {
    of: 'an older build that only prints error:',
    lines: ['error: something nobody has seen'],
    says: /^llama-server failed: something nobody has seen\.$/,
  },
  {
    of: 'an unknown error',
    lines: [
      '0.00.038.708 E llama_init_from_model: failed to initialize the context: something new',
      '0.00.061.562 E srv  llama_server: exiting due to model loading error',
    ],
    says: /^llama-server failed: failed to initialize the context: something new\.$/,
  },
];

describe('the reason why llama-server ended', () => {
  for (const { of, lines, says, exit } of recorded)
    it(`is reported for ${of}`, () => assert.match(explanation(lines, exit) ?? '', says));

  it('is not guessed when it printed nothing about it', () => {
    assert.equal(explanation([]), undefined);
    assert.equal(explanation([], { code: 0, signal: null }), undefined);
  });

  it('is not read from request output when the process was killed or stopped', () => {
    const lines = [
      '0.10.000.000 E srv    send_error: task id = 3, error: request (6004 tokens) exceeds the available context size',
    ];
    assert.match(
      explanation(lines, { code: null, signal: 'SIGKILL', outOfMemory: true }) ?? '',
      /^The system killed llama-server/,
    );
    for (const exit of [{ code: null, signal: 'SIGTERM' }, { code: 0, signal: null }, failed])
      assert.equal(explanation(lines, exit), undefined);
  });

  it('consists of sentences without line breaks', () => {
    for (const { lines, exit } of recorded) assert.match(explanation(lines, exit) ?? '', /^[A-Z/l][^\n]*\.$/);
  });
});
