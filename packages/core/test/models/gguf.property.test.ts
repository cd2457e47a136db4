// Mutated GGUF headers: the reader always ends, never holds more than its window, and always reports why it
// failed.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { fromGguf } from '../../dist/models/headers/metadata.js';
import { ggufBytes, readGgufFile, tinyLlama, type GgufValue } from './gguf-file.js';
import { cases } from './cases.js';

/** One change to the bytes of a file. */
type Mutation = { at: number; kind: 'byte' | 'length' | 'cut' | 'insert' | 'swap'; value: number };

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  kind: fc.constantFrom('byte', 'length', 'cut', 'insert', 'swap'),
  value: fc.constantFrom(0, 1, 2, 3, 8, 9, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0xffffffff, 2 ** 33, 2 ** 53 - 1),
});

const value: fc.Arbitrary<GgufValue> = fc.oneof(
  fc.tuple(fc.constant('u32' as const), fc.nat()),
  fc.tuple(fc.constant('u64' as const), fc.nat()),
  fc.tuple(fc.constant('bool' as const), fc.boolean()),
  fc.tuple(fc.constant('string' as const), fc.string({ maxLength: 40 })),
  fc.tuple(fc.constant('strings' as const), fc.array(fc.string({ maxLength: 12 }), { maxLength: 40 })),
  fc.tuple(fc.constant('u32s' as const), fc.array(fc.nat(), { maxLength: 20 })),
);
const tensor = fc.tuple(
  fc.string({ maxLength: 20 }),
  fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
  fc.constantFrom(0, 1, 8, 12, 39, 99),
);
const file = fc.record({
  values: fc.dictionary(
    fc.oneof(fc.constantFrom(...Object.keys(tinyLlama)), fc.string({ minLength: 1, maxLength: 20 })),
    value,
    { maxKeys: 12 },
  ),
  tensors: fc.array(tensor, { maxLength: 5 }),
});

describe('the GGUF reader with arbitrary input', function () {
  this.timeout(0);
  let directory: string;
  let path: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-gguf-'));
    path = join(directory, 'model.gguf');
  });
  after(() => rm(directory, { recursive: true }));

  it('reads every valid file', async () => {
    await fc.assert(
      fc.asyncProperty(file, async (parts) => {
        await writeFile(path, ggufBytes(parts));
        const { header, broken } = await readGgufFile(path);
        assert.equal(broken, undefined);
        assert.equal(
          header!.parameters,
          parts.tensors.reduce(
            (sum, [, dimensions]) => sum + dimensions.reduce((product, length) => product * length, 1),
            0,
          ),
        );
        for (const [key, [type, content]] of Object.entries(parts.values)) {
          if (type === 'strings') assert.equal(header!.lengths.get(key), content.length);
          else if (type !== 'u32s') assert.equal(header!.values.get(key), content);
        }
      }),
      { numRuns: cases(100) },
    );
  });

  it('ends with a header or a reason, however a file is damaged', async () => {
    const before = process.memoryUsage().arrayBuffers;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.constant({}), file),
        fc.array(mutation, { minLength: 1, maxLength: 6 }),
        async (parts, mutations) => {
          await writeFile(path, mutations.reduce(mutate, ggufBytes(parts)));
          const began = performance.now();
          const { header, broken } = await readGgufFile(path);
          assert.ok(performance.now() - began < 5_000, 'it took too long');
          if (header === undefined) assert.match(broken, /^it[s ]/);
          else for (const part of Object.values(fromGguf(header))) assert.notEqual(part, undefined);
          assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024, 'it holds too many bytes');
        },
      ),
      { numRuns: cases(200) },
    );
  });
});

function mutate(bytes: Buffer, { at, kind, value }: Mutation): Buffer {
  const offset = Math.floor(at * bytes.length);
  if (kind === 'cut') return bytes.subarray(0, offset);
  if (kind === 'insert')
    return Buffer.concat([bytes.subarray(0, offset), Buffer.from([value & 0xff]), bytes.subarray(offset)]);
  const copy = Buffer.from(bytes);
  if (kind === 'byte' && copy.length > 0) copy[offset] = value & 0xff;
  if (kind === 'length' && offset + 8 <= copy.length) copy.writeBigUInt64LE(BigInt(value), offset);
  if (kind === 'swap' && copy.length > 0) copy.reverse().subarray(offset).reverse();
  return copy;
}
