import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tinyGguf } from '@lamina/testing';
import type { ModelOptions } from '../dist/options.js';
import { describeReal, Ground, modelOf } from './real-engine.js';

interface Failure {
  readonly of: string;
  readonly says: RegExp;
  readonly options?: ModelOptions;
  /** The bytes of the file; default: those of the tiny model. */
  bytes?(tiny: Buffer): Buffer | string | undefined;
}

/** The tiny model with some of its bytes changed. */
function patched(tiny: Buffer, find: string, skip: number, replacement: Buffer): Buffer {
  const bytes = Buffer.from(tiny);
  replacement.copy(bytes, bytes.indexOf(find) + skip);
  return bytes;
}

const afterKey = 4 + 8; // In GGUF a key is followed by its type and, for text, the length.

const failures: readonly Failure[] = [
  { of: 'a missing file', bytes: () => undefined, says: /model\.gguf does not exist\.$/ },
  { of: 'an empty file', bytes: () => '', says: /model\.gguf is empty or contains only zeros; download it again\.$/ },
  {
    of: 'a file of another format',
    bytes: () => 'hello, this is no model',
    says: /is not GGUF: it begins with "hell"\.$/,
  },
  {
    of: 'a file truncated in its header',
    bytes: (tiny) => tiny.subarray(0, 300),
    says: /ends within its header; the download may be incomplete: download it again\.$/,
  },
  {
    of: 'a file truncated in its weights',
    bytes: (tiny) => tiny.subarray(0, tiny.length * 0.7),
    says: /ends before the last of its weights; the download may be incomplete: download it again\.$/,
  },
  {
    of: 'an unknown architecture',
    bytes: (tiny) => patched(tiny, 'general.architecture', 20 + afterKey, Buffer.from('zzama')),
    says: /holds a model of the architecture "zzama", which the embedded engine does not know; a newer build may\.$/,
  },
  {
    of: 'a context that does not fit in memory',
    options: { context_length: 20_000_000, parallel: 4 },
    says: /^There is not enough memory: A context size of 20000000 with 4 sequences is too large for the available RAM\. Lower context_length or parallel/,
  },
];

describeReal('a start of the embedded engine that fails reports the reason', function () {
  this.timeout(60_000);
  let ground: Ground;
  let tiny: Buffer;
  before(async () => {
    ground = await Ground.open();
    const { paths } = await tinyGguf(ground.path('tiny.gguf'));
    tiny = await readFile(paths[0]);
  });
  after(() => ground.close());

  for (const { of, bytes = (whole: Buffer) => whole, options, says } of failures) {
    it(`for ${of}`, async () => {
      const path = ground.path('model.gguf');
      const content = bytes(tiny);
      if (content === undefined) await rm(path, { force: true });
      else await writeFile(path, content);
      assert.match(await ground.reasonOf(await modelOf(path), options), says);
    });
  }
});
