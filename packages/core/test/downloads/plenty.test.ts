// When one connection is enough.
import assert from 'node:assert/strict';
import { Plenty } from '../../dist/downloads/transfer/plenty.js';

const bytes = 1024 * 1024;

function watched() {
  let now = 1000;
  const plenty = new Plenty({ now: () => now, after: () => () => undefined });
  const come = (times: number, waitedMs: number, writingMs: number) => {
    for (let time = 0; time < times; time += 1) plenty.add({ bytes, waitedMs, writingMs });
  };
  return { plenty, come, pass: (ms: number) => void (now += ms) };
}

describe('plenty', () => {
  it('holds once more time goes into writing than into waiting for bytes', () => {
    const { plenty, come } = watched();
    assert.ok(!plenty.holds);
    come(2, 0, 3);
    assert.ok(!plenty.holds, 'two chunks tell nothing yet');
    come(10, 0, 3);
    assert.ok(plenty.holds);
  });

  it('ends when bytes are waited for, for then the network is what is slow', () => {
    const { plenty, come } = watched();
    come(100, 0, 3);
    come(10, 50, 3);
    assert.ok(!plenty.holds);
  });

  it('does not hold where bytes come in bursts, as of a server that limits each connection', () => {
    const { plenty, come } = watched();
    for (let burst = 0; burst < 20; burst += 1) {
      come(3, 0, 2);
      come(1, 100, 2);
    }
    assert.ok(!plenty.holds);
  });

  it('ends when none come', () => {
    const { plenty, come, pass } = watched();
    come(100, 0, 3);
    pass(600);
    assert.ok(!plenty.holds);
  });
});
