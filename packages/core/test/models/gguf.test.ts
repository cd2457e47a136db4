// The GGUF reader: what it reads from a header, and a clear reason for every invalid header.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromGguf } from '../../dist/models/headers/metadata.js';
import { readHeader } from '../../dist/models/headers/read-header.js';
import type { ModelMetadata } from '../../dist/contract/models.js';
import { ggufBytes, readGgufFile, tinyLlama, writeGguf, type GgufValue } from './gguf-file.js';

describe('the GGUF reader', () => {
  let directory: string;
  let file: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-gguf-'));
    file = join(directory, 'model.gguf');
  });
  after(() => rm(directory, { recursive: true }));

  it('reads architecture, sizes, quantisation, template and vocabulary', async () => {
    await writeGguf(file, {
      tensors: [
        ['token_embd.weight', [128, 300], 0],
        ['output_norm.weight', [128], 0],
      ],
    });
    const { header } = await readGgufFile(file);
    assert.deepEqual(fromGguf(header!), {
      architecture: 'llama',
      contextLength: 2048,
      embeddingLength: 128,
      layers: 2,
      heads: 4,
      kvHeads: 2,
      keyLength: 32,
      valueLength: 32,
      vocabularySize: 300,
      quantization: 'Q4_K_M',
      chatTemplate: '{{ messages }}',
      capabilities: ['chat'],
      kind: 'model',
    });
    assert.equal(header!.parameters, 128 * 300 + 128);
  });

  it('computes how many bytes the file must have', async () => {
    const bytes = ggufBytes();
    await writeFile(file, bytes);
    assert.equal((await readGgufFile(file)).header!.bytesNeeded, bytes.length);
  });

  it('keeps the heads of each layer and their maximum, and explicit key lengths', async () => {
    await writeGguf(file, {
      values: {
        ...tinyLlama,
        'llama.attention.head_count_kv': ['u32s', [0, 4, 1]],
        'llama.attention.key_length': ['u32', 64],
      },
    });
    const metadata = fromGguf((await readGgufFile(file)).header!);
    assert.deepEqual(metadata.kvHeadsPerLayer, [0, 4, 1]);
    assert.equal(metadata.kvHeads, 4);
    assert.equal(metadata.keyLength, 64);
    assert.equal(metadata.valueLength, 32);
  });

  const shapes: readonly [string, Record<string, GgufValue>, ModelMetadata][] = [
    [
      'the feed-forward part, experts and merges',
      {
        'llama.feed_forward_length': ['u32s', [512, 1024]],
        'llama.expert_feed_forward_length': ['u32', 96],
        'llama.expert_used_count': ['u32', 2],
        'tokenizer.ggml.merges': ['strings', ['a b', 'b c', 'c d']],
      },
      { feedForwardLength: 1024, expertFeedForwardLength: 96, expertsUsed: 2, merges: 3 },
    ],
    [
      'a sliding window with the layers that have it',
      {
        'llama.attention.sliding_window': ['u32', 512],
        'llama.attention.sliding_window_pattern': ['bools', [true, false]],
        'llama.attention.shared_kv_layers': ['u32', 1],
      },
      { slidingWindow: 512, windowPattern: [true, false], sharedKvLayers: 1 },
    ],
    [
      'a sliding window with its interval',
      { 'llama.attention.sliding_window': ['u32', 512], 'llama.attention.sliding_window_pattern': ['u32', 6] },
      { slidingWindow: 512, windowPattern: 6 },
    ],
    [
      'compressed keys and values',
      { 'llama.attention.kv_lora_rank': ['u32', 512], 'llama.attention.key_length_mla': ['u32', 192] },
      { kvLoraRank: 512 },
    ],
    ['no compressed keys and values where they are expanded', { 'llama.attention.kv_lora_rank': ['u32', 512] }, {}],
    [
      'recurrent layers by interval',
      {
        'llama.full_attention_interval': ['u32', 4],
        'llama.ssm.conv_kernel': ['u32', 4],
        'llama.ssm.inner_size': ['u32', 1024],
        'llama.ssm.state_size': ['u32', 16],
        'llama.ssm.group_count': ['u32', 0],
      },
      { attentionInterval: 4, recurrent: { convolution: 4, innerSize: 1024, stateSize: 16, groups: 0 } },
    ],
    [
      'recurrent layers by mark, with a short convolution',
      { 'llama.attention.recurrent_layers': ['bools', [true, false]], 'llama.shortconv.l_cache': ['u32', 3] },
      { kvHeadsPerLayer: [0, 2], recurrent: { shortConvolution: 3 } },
    ],
  ];
  for (const [what, values, expected] of shapes) {
    it(`reads ${what}`, async () => {
      await writeGguf(file, { values: tinyLlama });
      const plain = fromGguf((await readGgufFile(file)).header!);
      await writeGguf(file, { values: { ...tinyLlama, ...values } });
      assert.deepEqual(fromGguf((await readGgufFile(file)).header!), { ...plain, ...expected });
    });
  }

  it('reads the pooling of an embedding model and the type of a projector', async () => {
    await writeGguf(file, { values: { 'general.architecture': ['string', 'bert'], 'bert.pooling_type': ['u32', 2] } });
    assert.equal(fromGguf((await readGgufFile(file)).header!).pooling, 'cls');
    await writeGguf(file, { values: { 'general.architecture': ['string', 'clip'] } });
    assert.equal(fromGguf((await readGgufFile(file)).header!).kind, 'mmproj');
  });

  it('skips a vocabulary larger than its window', async () => {
    const tokens = Array.from({ length: 60_000 }, (_, index) => `a token with the number ${index}`);
    await writeGguf(file, {
      values: {
        ...tinyLlama,
        'tokenizer.ggml.tokens': ['strings', tokens],
        'tokenizer.ggml.merges': ['f32s', 200_000],
        'general.name': ['string', 'last'],
      },
    });
    const { header } = await readGgufFile(file);
    assert.equal(header!.lengths.get('tokenizer.ggml.tokens'), 60_000);
    assert.equal(header!.values.get('general.name'), 'last');
  });

  const bytes = ggufBytes();
  const broken: readonly [string, Buffer, RegExp][] = [
    ['an empty file', Buffer.alloc(0), /^it is empty$/],
    ['a few bytes', Buffer.from('GGUF'), /only 4 bytes/],
    [
      'a web page',
      Buffer.from('<!DOCTYPE html><html><body>not found</body></html>'),
      /not a GGUF file: it begins with "<!DO"/,
    ],
    ['version 1', patched(4, 1), /GGUF version is 1/],
    ['a big-endian file', patched(4, 0x03000000), /big-endian/],
    ['more tensors than bytes', patched(8, 0x7fffffff), /2147483647 tensors, which cannot be in \d+ bytes/],
    ['more metadata than bytes', patched(16, 0x7fffffff), /2147483647 metadata entries/],
    ['an unterminated key', patched(24, 0x10000), /key of 65536 bytes/],
    [
      'a value of an unknown type',
      patched(24 + 8 + 'general.architecture'.length, 77),
      /"general.architecture" is of a kind \(77\)/,
    ],
    ['a truncated header', bytes.subarray(0, 1000), /ends within its header/],
  ];
  for (const [what, content, reason] of broken) {
    it(`reports what is wrong with ${what}`, async () => {
      await writeFile(file, content);
      assert.match((await readGgufFile(file)).broken!, reason);
    });
  }

  it('reports that a file does not exist', async () => {
    assert.match((await readHeader(join(directory, 'absent.gguf'), 100)).broken!, /cannot be read: no such file/);
  });

  function patched(offset: number, value: number): Buffer {
    const copy = Buffer.from(bytes);
    copy.writeUInt32LE(value, offset);
    return copy;
  }
});
