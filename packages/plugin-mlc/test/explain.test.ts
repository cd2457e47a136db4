import assert from 'node:assert/strict';
import { explain } from '../dist/explain.js';
import { modelOf } from './model.js';

const failed = { code: 1, signal: null };

function explanation(
  lines: readonly string[],
  exit: { code: number | null; signal: string | null; outOfMemory?: boolean } = failed,
): string | undefined {
  return explain(['[2026-08-20 10:00:00] INFO auto_device.py:82: Found device: cuda:0', ...lines], {
    model: modelOf(),
    exit,
  });
}

// From the sources of MLC-LLM, or as people reported them; the failures that the stand-in can produce are in
// serving.stand-in.test.ts.
const recorded: readonly {
  readonly of: string;
  readonly lines: readonly string[];
  readonly says: RegExp;
  readonly exit?: { code: number | null; signal: string | null; outOfMemory?: boolean };
}[] = [
  {
    of: 'a port that was bound while the model was loading',
    lines: [
      'INFO:     Application startup complete.',
      "ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', 8000): address already in use",
    ],
    says: /^The port was taken by another program while the model was loaded/,
  },
  {
    of: 'no device at all',
    lines: ['[…] INFO auto_device.py:36: Not found: No available device detected', 'AssertionError'],
    says: /^This MLC-LLM finds no device it was built for\./,
  },
  {
    of: 'weights that do not fit',
    lines: [
      'tvm.error.InternalError: Check failed: (output.IsOk()) is false: Insufficient GPU memory error: The available single GPU memory is 5734.400 MB, which is less than the sum of model weight size (6200.000 MB) and temporary buffer size (800.000 MB).',
    ],
    says: /^The device has 5734\.400 MB for the model, and its weights alone are 6200\.000 MB; the rest is work space\./,
  },
  {
    of: 'weights that do not fit, in another wording',
    lines: ['Insufficient GPU memory error: The KV cache does not fit.'],
    says: /^The device has too little memory for the model\./,
  },
  {
    of: 'a GPU whose memory other processes use',
    lines: ['tvm.error.InternalError: Check failed: (e == cudaSuccess) is false: CUDA: out of memory'],
    says: /^The device has too little free memory\. Stop what else uses it/,
  },
  {
    of: 'a compiler that failed',
    lines: [
      'INFO jit.py:118: Compiling using commands below:',
      'INFO jit.py:119: python -m mlc_llm compile m',
      'Traceback (most recent call last):',
      "FileNotFoundError: [Errno 2] No such file or directory: 'nvcc'",
      'Traceback (most recent call last):',
      'RuntimeError: Cannot find compilation output, compilation failed',
    ],
    says: /^The model library could not be compiled: \[Errno 2\] No such file or directory: 'nvcc'\. Compiling needs the toolchain/,
  },
  {
    of: 'a compiler that prints no reason',
    lines: [
      'INFO jit.py:118: Compiling using commands below:',
      'RuntimeError: Cannot find compilation output, compilation failed',
    ],
    says: /^The model library could not be compiled: the compiler gave no reason\. /,
  },
  {
    of: 'a missing tokenizer',
    lines: ['ValueError: Check failed: (false) is false: Cannot find any tokenizer under: /models/tiny'],
    says: /^\/models\/tiny has no tokenizer/,
  },
  {
    of: 'an incomplete installation',
    lines: ["ModuleNotFoundError: No module named 'tvm'"],
    says: /its Python module tvm is missing\. Install mlc-ai and mlc-llm/,
  },
  {
    of: 'a version without support for keys',
    lines: [
      'usage: MLC LLM Serve CLI [-h] model',
      'MLC LLM Serve CLI: error: unrecognized arguments: --api-key secret',
    ],
    says: /^This MLC-LLM does not know the arguments --api-key/,
    exit: { code: 2, signal: null },
  },
  {
    of: 'a wrong value',
    lines: [
      "MLC LLM Serve CLI: error: argument --mode: invalid choice: 'x' (choose from 'local', 'interactive', 'server')",
    ],
    says: /^MLC-LLM refuses the value of --mode: invalid choice: 'x'/,
    exit: { code: 2, signal: null },
  },
  {
    of: 'an unknown error',
    lines: ['Traceback (most recent call last):', 'tvm.error.InternalError: something nobody has seen'],
    says: /^MLC-LLM failed: something nobody has seen\.$/,
  },
  {
    of: 'a kill by the kernel, out of memory',
    lines: [],
    exit: { code: null, signal: 'SIGKILL', outOfMemory: true },
    says: /^The system killed MLC-LLM because memory ran out\. Choose a smaller/,
  },
];

describe('the reason why MLC-LLM ended', () => {
  for (const { of, lines, says, exit } of recorded)
    it(`is reported for ${of}`, () => assert.match(explanation(lines, exit) ?? '', says));

  it('is not guessed when it printed nothing about it, or was stopped', () => {
    for (const exit of [failed, { code: 0, signal: null }, { code: null, signal: 'SIGTERM' }])
      assert.equal(explanation([], exit), undefined);
  });
});
