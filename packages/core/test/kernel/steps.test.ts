import assert from 'node:assert/strict';
import { take, wait, type Steps } from '../../dist/kernel/steps.js';

describe('work in steps', () => {
  function* doubled(value: number | Promise<number>): Steps<number> {
    return (yield* wait(value)) * 2;
  }
  function* sum(...values: (number | Promise<number>)[]): Steps<number> {
    let total = 0;
    for (const value of values) total += yield* doubled(value);
    return total;
  }
  const failing = new Error('no');

  it('is done at once when nothing has to be waited for', () => {
    assert.equal(take(sum(1, 2, 3)), 12);
  });

  it('waits where it must, and goes on', async () => {
    const answer = take(sum(1, Promise.resolve(2), 3, Promise.resolve(4)));
    assert.ok(answer instanceof Promise);
    assert.equal(await answer, 20);
  });

  it('throws what fails at once, and rejects with what fails later', async () => {
    function* fails(): Steps<number> {
      throw failing;
      yield Promise.resolve();
    }
    assert.throws(() => take(fails()), failing);
    await assert.rejects(async () => take(sum(Promise.reject(failing))), failing);
    await assert.rejects(async () => take(sum(Promise.resolve(1), Promise.reject(failing))), failing);
  });

  it('may catch what it waited for in vain', async () => {
    function* calm(): Steps<string> {
      try {
        return yield* wait(Promise.reject<string>(failing));
      } catch {
        return 'caught';
      }
    }
    assert.equal(await take(calm()), 'caught');
  });
});
