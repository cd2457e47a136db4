import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { inTurns } from '../../dist/models/in-turns.js';

describe('work in turns', () => {
  it('answers in the order of the items, whichever of them take time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ value: fc.nat(), turns: fc.nat({ max: 3 }) }), { maxLength: 600 }),
        async (items) => {
          const answers = await inTurns(items, ({ value, turns }) => (turns === 0 ? value : after(turns, value)));
          assert.deepEqual(
            [...answers],
            items.map(({ value }) => value),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('has never more than 256 under way', async () => {
    let [now, most] = [0, 0];
    await inTurns(Array.from({ length: 1000 }), async () => {
      most = Math.max(most, (now += 1));
      await setImmediate();
      now -= 1;
    });
    assert.equal(most, 256);
  });

  it('fails with the first that fails, at once or later, and begins no more', async () => {
    const failure = new Error('no');
    const fail = () => {
      throw failure;
    };
    let begun = 0;
    const later = async (_: unknown, place: number) => {
      begun += 1;
      await setImmediate();
      if (place === 3) fail();
    };
    await assert.rejects(inTurns(Array.from({ length: 1000 }), later), (error) => error === failure);
    assert.ok(begun <= 512, `${begun} were begun`);
    await assert.rejects(inTurns([1, 2, 3], fail), (error) => error === failure);
  });

  it('lets others have their turn, also when nothing has to be waited for', async () => {
    let turns = 0;
    let over = false;
    const other = (async () => {
      while (!over) {
        await setImmediate();
        turns += 1;
      }
    })();
    await inTurns(Array.from({ length: 400 }), () => busyFor(0.3));
    over = true;
    await other;
    assert.ok(turns >= 3, `others had ${turns} turns`);
  });
});

async function after<T>(turns: number, value: T): Promise<T> {
  for (let turn = 0; turn < turns; turn += 1) await setImmediate();
  return value;
}

function busyFor(ms: number): void {
  const until = performance.now() + ms;
  while (performance.now() < until);
}
