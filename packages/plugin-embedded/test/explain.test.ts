import assert from 'node:assert/strict';
import { installProblem } from '../dist/install/problems.js';
import { explain } from '../dist/explain.js';
import { modelOf } from './real-engine.js';

const model = await modelOf('/models/tiny.gguf');
const failed = { code: 1, signal: null };
const explanation = (
  lines: readonly string[],
  exit: { code: number | null; signal: string | null; outOfMemory?: boolean } = failed,
) => explain(lines, { model, exit });

describe('the reason why the embedded engine ended', () => {
  const recorded: readonly (readonly [of: string, lines: readonly string[], says: RegExp])[] = [
    [
      'a port that is in use',
      ['failed: Error: listen EADDRINUSE: address already in use 127.0.0.1:4711'],
      /^Port 4711 of 127\.0\.0\.1 is in use by another program/,
    ],
    [
      'an incomplete installation',
      ["failed: Error: Cannot find module 'node-llama-cpp' Require stack: - /data/package.json"],
      /^node-llama-cpp is incomplete: node-llama-cpp is missing\. Delete its directory/,
    ],
    [
      'a build that does not run on this machine',
      ['failed: Error: NoBinaryFoundError'],
      /^The build of node-llama-cpp that is installed does not run on this machine/,
    ],
    [
      'a missing tensor',
      [
        "llama.cpp error: llama_model_load: error loading model: missing tensor 'blk.1.ffn_up.weight'",
        'failed: Error: Failed to load model',
      ],
      /^\/models\/tiny\.gguf lacks the tensor blk\.1\.ffn_up\.weight/,
    ],
    [
      'an unknown tokenizer',
      [
        "llama.cpp error: llama_model_load: error loading model: error loading model vocabulary: unknown tokenizer: 'zzama'",
        'failed: Error: Failed to load model',
      ],
      /has the tokenizer "zzama", which the embedded engine does not know/,
    ],
    [
      'a newer GGUF version',
      [
        'llama.cpp error: gguf_init_from_reader: this GGUF file is version 99 but this software only supports up to version 3',
        'failed: Error: Failed to load model',
      ],
      /is written in version 99 of GGUF, which the embedded engine does not read/,
    ],
    [
      'a context that does not fit in memory',
      ['failed: Error: Failed to create context'],
      /^There is not enough memory for a context this long\. Lower context_length/,
    ],
    [
      'a model that llama.cpp rejects without a reason',
      ['failed: Error: Failed to load model'],
      /^llama\.cpp refused \/models\/tiny\.gguf/,
    ],
    [
      'an unknown error',
      ['failed: Error: something nobody has seen.'],
      /^The embedded engine failed: something nobody has seen\.$/,
    ],
  ];
  for (const [of, lines, says] of recorded)
    it(`is reported for ${of}`, () => assert.match(explanation(lines) ?? '', says));

  it('is reported for a signal', () => {
    assert.match(explanation([], { code: null, signal: 'SIGKILL', outOfMemory: true }) ?? '', /memory ran out/);
    assert.match(explanation([], { code: null, signal: 'SIGILL' }) ?? '', /newer processor/);
    assert.match(explanation([], { code: null, signal: 'SIGSEGV' }) ?? '', /^The embedded engine crashed \(SIGSEGV\)/);
  });

  it('is not guessed when it printed nothing about it', () => assert.equal(explanation([]), undefined));
});

describe('the reason why an installation failed', () => {
  const problemOf = (...lines: string[]) => installProblem({ lines, code: 1, signal: null });

  it('is reported from the output of npm', () => {
    assert.equal(
      problemOf('npm error code ENOTFOUND', 'npm error syscall getaddrinfo'),
      'the npm registry cannot be reached',
    );
    assert.equal(problemOf('npm error code E401'), 'the npm registry refuses this user');
    assert.equal(
      problemOf('npm error code E404', "npm error 404  '@node-llama-cpp/mac-x64@3.22.1' is not in this registry."),
      'the npm registry does not have @node-llama-cpp/mac-x64',
    );
    assert.equal(problemOf('npm error code ENOSPC'), 'the disk is full');
    assert.equal(problemOf('npm error code EACCES'), 'its directory is not writable');
    assert.equal(
      problemOf('npm error code SELF_SIGNED_CERT_IN_CHAIN'),
      'the certificate of the npm registry is not trusted (SELF_SIGNED_CERT_IN_CHAIN)',
    );
  });

  it('is the last message of npm in all other cases', () => {
    assert.equal(
      problemOf(
        'npm error code EODD',
        'npm error something odd',
        'npm error A complete log of this run can be found in: x',
      ),
      'something odd',
    );
  });
});
