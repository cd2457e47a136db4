// When one connection is enough.
import assert from 'node:assert/strict';
import { Plenty } from '../../dist/downloads/transfer/plenty.js';

const [little, much] = [16 * 1024, 768 * 1024];

function watched() {
  let now = 1000;
  const plenty = new Plenty({ now: () => now, after: () => () => undefined });
  const come = (bytes: number, times: number) => {
    for (let time = 0; time < times; time += 1) plenty.add(bytes);
  };
  return { plenty, come, pass: (ms: number) => void (now += ms) };
}

describe('plenty', () => {
  it('holds once most bytes come in large chunks, for they had to wait', () => {
    const { plenty, come } = watched();
    assert.ok(!plenty.holds);
    come(much, 2);
    assert.ok(!plenty.holds, 'two chunks tell nothing yet');
    come(much, 30);
    assert.ok(plenty.holds);
  });

  it('ends when they come in small ones, for then the network is what is slow', () => {
    const { plenty, come } = watched();
    come(much, 100);
    come(little, 2000);
    assert.ok(!plenty.holds);
  });

  it('ends when none come', () => {
    const { plenty, come, pass } = watched();
    come(much, 100);
    pass(600);
    assert.ok(!plenty.holds);
  });
});
