import assert from 'node:assert/strict';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tinyAdapter, tinyGguf } from '@lamina/testing';
import type { FileRole, Model } from '@lamina/core/plugin';
import { file, modelOf } from './model.js';
import { describeReal, Ground, llamaServer, type StartParts } from './real-server.js';

interface Failure extends StartParts {
  readonly of: string;
  readonly says: RegExp;
  /** Default: the tiny model. */
  model?(ground: Ground): Model | Promise<Model>;
}

/** A model whose weights are a file in the folder. */
function weights(ground: Ground, name: string): Model {
  return modelOf({ files: [file('weights', ground.path(name))] });
}

/** The tiny model with another file in its folder. */
function beside(ground: Ground, role: FileRole, name: string): Model {
  return modelOf({ files: [file('weights', ground.path('tiny.gguf')), file(role, ground.path(name))] });
}

/** The tiny model with some of its bytes changed. */
async function patched(ground: Ground, find: string, skip: number, replacement: Buffer): Promise<Model> {
  const bytes = await readFile(ground.path('tiny.gguf'));
  replacement.copy(bytes, bytes.indexOf(find) + skip);
  await writeFile(ground.path('patched.gguf'), bytes);
  return weights(ground, 'patched.gguf');
}

async function written(ground: Ground, bytes: string | Buffer): Promise<Model> {
  await writeFile(ground.path('written.gguf'), bytes);
  return weights(ground, 'written.gguf');
}

async function cut(ground: Ground, part: number): Promise<Model> {
  const bytes = await readFile(ground.path('tiny.gguf'));
  return written(ground, bytes.subarray(0, part < 1 ? bytes.length * part : part));
}

const afterKey = 4 + 8; // In GGUF a key is followed by its type and, for text, the length.

const failures: readonly Failure[] = [
  {
    of: 'a missing file',
    model: (ground) => weights(ground, 'none.gguf'),
    says: /none\.gguf does not exist\.$/,
  },
  { of: 'an empty file', model: (ground) => written(ground, ''), says: /written\.gguf is empty, or a directory\.$/ },
  {
    of: 'a file of another format',
    model: (ground) => written(ground, 'hello, this is no model'),
    says: /is not GGUF: it begins with "hell"\.$/,
  },
  {
    of: 'a file truncated in its header',
    model: (ground) => cut(ground, 300),
    says: /ends within its header; the download may be incomplete: download it again\.$/,
  },
  {
    of: 'a file truncated in its weights',
    model: (ground) => cut(ground, 0.7),
    says: /ends before the last of its weights; the download may be incomplete: download it again\.$/,
  },
  {
    of: 'a newer GGUF version',
    model: (ground) => patched(ground, 'GGUF', 4, Buffer.from([99])),
    says: /is written in version 99 of GGUF, which this llama-server does not read; a newer build may\.$/,
  },
  {
    of: 'an unknown architecture',
    model: (ground) => patched(ground, 'general.architecture', 20 + afterKey, Buffer.from('zzama')),
    says: /holds a model of the architecture "zzama", which this llama-server does not know; a newer build may\.$/,
  },
  {
    of: 'an unknown tokenizer',
    model: (ground) => patched(ground, 'tokenizer.ggml.model', 20 + afterKey, Buffer.from('zzama')),
    says: /has the tokenizer "zzama", which this llama-server does not know/,
  },
  {
    of: 'a missing tensor',
    model: (ground) => patched(ground, 'blk.1.ffn_up.weight', 0, Buffer.from('blk.1.ffn_xp.weight')),
    says: /lacks the tensor blk\.1\.ffn_up\.weight/,
  },
  {
    of: 'a missing part',
    model: (ground) => weights(ground, 'gap-00001-of-00003.gguf'),
    says: /gap-00001-of-00003\.gguf lacks its part .*gap-00002-of-00003\.gguf; all parts must be complete/,
  },
  {
    of: 'a part other than the first',
    model: (ground) => weights(ground, 'gap-00003-of-00003.gguf'),
    says: /is part 3 of a model in several parts; name the first part/,
  },
  {
    of: 'a part with another name',
    model: (ground) => weights(ground, 'renamed.gguf'),
    says: /is part of a model in several parts and was renamed/,
  },
  {
    of: 'a missing draft model',
    model: (ground) => beside(ground, 'draft', 'none.gguf'),
    says: /^The draft model cannot be used: .*none\.gguf does not exist\.$/,
  },
  {
    of: 'a missing projector',
    model: (ground) => beside(ground, 'projector', 'none.gguf'),
    says: /^The projector cannot be used: .*none\.gguf does not exist\.$/,
  },
  {
    of: 'a projector that is a model',
    model: (ground) => beside(ground, 'projector', 'tiny.gguf'),
    says: /^The projector cannot be used: .*tiny\.gguf is not a projector, or not one of this model\.$/,
  },
  {
    of: 'an unknown argument',
    options: { extra_args: ['--no-such-flag'] },
    says: /^This llama-server does not know the argument --no-such-flag; remove it from/,
  },
  {
    of: 'an argument with a wrong value',
    instance: { default_args: ['-c', 'many'] },
    says: /^The value of -c is wrong: it is not a number\. Correct/,
  },
  {
    of: 'an argument that was removed',
    options: { extra_args: ['--draft-max', '3'] },
    says: /^This llama-server no longer has the argument --draft-max: use --spec-draft-n-max/,
  },
  {
    of: 'a value outside the allowed ones',
    options: { extra_args: ['--pooling', 'max'] },
    says: /^The value of --pooling is wrong: invalid value\. Correct/,
  },
  {
    of: 'a missing device',
    options: { devices: ['CUDA7'] },
    says: /^This llama-server has no device "CUDA7"/,
  },
  {
    of: 'a missing template file',
    options: { chat_template_file: '/nowhere/chat.jinja' },
    says: /^The file \/nowhere\/chat\.jinja, given with --chat-template-file, cannot be read/,
  },
  {
    of: 'an invalid template',
    options: { chat_template: '{% for x in' },
    says: /^The chat template cannot be used/,
  },
  {
    of: 'quantised values without flash attention',
    options: { cache_type_v: 'q8_0', flash_attention: 'off' },
    says: /^A quantised cache_type_v needs flash attention/,
  },
  {
    of: 'a cache type that does not fit the heads',
    options: { cache_type_k: 'q8_0', flash_attention: 'on' },
    says: /^The option "cache_type_k" cannot be "q8_0" for this model/,
  },
  {
    of: 'more concurrent requests than it accepts',
    options: { parallel: 1000 },
    says: /^The option "parallel" is too large: the maximum of this llama-server is \d+\.$/,
  },
];

describeReal('a start that fails on the real llama-server reports the reason', () => {
  let ground: Ground;
  before(async () => {
    ground = await Ground.open();
    await tinyGguf(ground.path('tiny.gguf'));
    await tinyGguf(ground.path('gap.gguf'), { shards: 3 });
    await rm(ground.path('gap-00002-of-00003.gguf'));
    await tinyGguf(ground.path('moved.gguf'), { shards: 3 });
    await rename(ground.path('moved-00001-of-00003.gguf'), ground.path('renamed.gguf'));
  });
  after(() => ground.close());

  for (const { of, model, says, ...parts } of failures) {
    it(`for ${of}`, async () =>
      assert.match(await ground.reasonOf((await model?.(ground)) ?? weights(ground, 'tiny.gguf'), parts), says));
  }

  it('for an adapter that is missing, invalid, or made for another model', async () => {
    await tinyAdapter(ground.path('wide.gguf'), {
      base: { embeddingLength: 128, alternatives: [' Other.'] },
      say: ' Other.',
    });
    const reason = (name: string) =>
      ground.reasonOf(weights(ground, 'tiny.gguf'), {
        adapters: [modelOf({ name: 'adapter', base: 'tiny', files: [file('adapter', ground.path(name))] })],
      });
    assert.match(await reason('none.gguf'), /^The adapter cannot be used: .*none\.gguf does not exist\.$/);
    assert.match(
      await reason('tiny.gguf'),
      /^The adapter cannot be used: .*tiny\.gguf is not an adapter but a model\.$/,
    );
    assert.match(
      await reason('wide.gguf'),
      /^The adapter cannot be used: .*wide\.gguf does not fit the model \(.*\); it must be a LoRA in GGUF, made for this model\.$/,
    );
  });

  it('for a context that does not fit in memory', async () => {
    const limited = ground.path('limited.sh'); // Without the limit the engine would use all memory of the machine.
    await writeFile(limited, `#!/bin/sh\nulimit -v 3000000\nexec '${llamaServer}' "$@"\n`, { mode: 0o755 });
    const reason = await ground.reasonOf(weights(ground, 'tiny.gguf'), {
      instance: { executable: limited },
      options: { context_length: 20_000_000, parallel: 1 },
    });
    assert.match(
      reason,
      /^There is not enough memory for a context this long \(\d+\.\d GB were requested at once\)\. Lower context_length/,
    );
    await rm(limited);
  });

  it('for a port that is in use', async () => {
    const otherServer = createServer();
    await new Promise<void>((resolve) => otherServer.listen(0, '127.0.0.1', resolve));
    const { port } = otherServer.address() as { port: number };
    const reason = await ground.reasonOf(weights(ground, 'tiny.gguf'), {
      options: { extra_args: ['--port', String(port)] },
    });
    await new Promise((resolve) => otherServer.close(resolve));
    assert.equal(reason, `Port ${port} of 127.0.0.1 is in use by another program; the next start tries another port.`);
  });
});
