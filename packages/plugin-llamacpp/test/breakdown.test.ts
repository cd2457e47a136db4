import assert from 'node:assert/strict';
import { parseBreakdown } from '../dist/breakdown.js';

const mebibyte = 1024 * 1024;
const head = '0.00.089.684.I common_memory_breakdown_print: ';
const heading = `${head}| memory breakdown [MiB] | total   free    self   model   context   compute    unaccounted |`;
const host = `${head}|   - Host               |                   35 =    14 +       7 +      14                |`;

describe('what llama-server prints about its memory', () => {
  it('is read once the table is complete', () => {
    const lines = ['fitting params to device memory ...', heading, host];
    assert.equal(parseBreakdown(lines), undefined);
    assert.deepEqual(parseBreakdown([...lines, 'projected to use 35 MiB of host memory']), {
      host: { model: 14 * mebibyte, context: 7 * mebibyte, compute: 14 * mebibyte },
      devices: {},
      repackedBytes: 0,
    });
  });

  it('includes devices, and weights that are copied', () => {
    const device = `${head}|   - CUDA0 (RTX 4090)   | 24080 = 23000 + (11187 = 10000 + 1024 +     163) +         451 |`;
    const copied = `${head}|   - CPU_REPACK         |                  135 =   135 +       0 +       0                |`;
    assert.deepEqual(parseBreakdown([heading, device, host, copied, '']), {
      host: { model: 14 * mebibyte, context: 7 * mebibyte, compute: 14 * mebibyte },
      devices: { CUDA0: { model: 10_000 * mebibyte, context: 1024 * mebibyte, compute: 163 * mebibyte } },
      repackedBytes: 135 * mebibyte,
    });
  });

  it('is missing in other output', () => {
    assert.equal(parseBreakdown(['loading model', '| - Host | 1 = 1 + 0 + 0 |', heading, 'no table']), undefined);
  });
});
