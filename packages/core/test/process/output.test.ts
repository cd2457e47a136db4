// Splitting bytes into lines, and a limit on what is kept.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import { OutputTail } from '../../dist/process/output.js';

async function linesOf(chunks: readonly Uint8Array[]): Promise<{ lines: string[]; tail: OutputTail }> {
  const lines: string[] = [];
  const tail = new OutputTail((_, text) => lines.push(text));
  const stream = new PassThrough();
  tail.read('stderr', stream);
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  tail.end();
  return { lines, tail };
}

describe('the output of an engine', () => {
  it('is split into the same lines for any chunks', async () => {
    const line = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replace(/\p{C}/gu, '').trim());
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat(40)), async (lines, cuts) => {
        const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(''));
        const edges = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        assert.deepEqual(
          (await linesOf(chunks)).lines,
          lines.filter((text) => text !== ''),
        );
      }),
    );
  });

  it('keeps the last 200 lines', async () => {
    const { tail } = await linesOf([Buffer.from(Array.from({ length: 1000 }, (_, index) => `${index}\n`).join(''))]);
    assert.equal(tail.lines.length, 200);
    assert.equal(tail.lines.at(-1), '999');
  });

  it('cuts a line of 10 MB without a newline, and continues after it', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const { lines } = await linesOf([...Array.from({ length: 160 }, () => chunk), Buffer.from('\nnext\n')]);
    assert.deepEqual(lines, [`${'x'.repeat(2000)} …`, 'next']);
  });

  it('splits progress bars into lines, and removes colours and empty lines', async () => {
    const { lines } = await linesOf([Buffer.from('10%\r20%\r\n\n\u001b[31mred\u001b[0m\nno newline')]);
    assert.deepEqual(lines, ['10%', '20%', 'red', 'no newline']);
  });

  it('replaces bytes that are not UTF-8', async () => {
    const { lines } = await linesOf([Buffer.from([0x61, 0xff, 0x62, 0x0a])]);
    assert.deepEqual(lines, ['a\ufffdb']);
  });
});
