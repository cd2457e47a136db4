// Lists of what arrives now: how much they keep, when they show it, and how they are filtered.
import assert from 'node:assert/strict';
import { LineFilter } from '../page/dist/line-filter.js';
import { LiveList } from '../page/dist/live-list.js';

/** A list, and the next frame of its browser. */
function listOf(capacity: number) {
  const frames: (() => void)[] = [];
  const list = new LiveList<string>(capacity, (run) => frames.push(run));
  const add = (from: number, to: number): void => {
    for (let number = from; number <= to; number++) list.add(`line ${number}`);
  };
  const shown = () => list.shown.value.map(({ number, item }) => `${number} ${item}`);
  return { list, add, shown, frames, frame: () => frames.splice(0).forEach((run) => run()) };
}

describe('a live list', () => {
  it('shows what was added once per frame', () => {
    const { add, shown, frames, frame } = listOf(10);
    add(1, 3);
    assert.deepEqual([shown(), frames.length], [[], 1]);
    frame();
    assert.deepEqual(shown(), ['1 line 1', '2 line 2', '3 line 3']);
    add(4, 4);
    frame();
    assert.deepEqual(shown().at(-1), '4 line 4');
  });

  it('keeps the newest items, also while no frame is drawn', () => {
    const { add, shown, frame } = listOf(3);
    add(1, 1000);
    frame();
    assert.deepEqual(shown(), ['998 line 998', '999 line 999', '1000 line 1000']);
  });

  it('shows nothing new while it is paused, counts it, and shows it afterwards', () => {
    const { list, add, shown, frame } = listOf(3);
    add(1, 2);
    frame();
    list.pause();
    add(3, 7);
    frame();
    assert.deepEqual([shown(), list.waiting.value], [['1 line 1', '2 line 2'], 5]);
    list.resume();
    assert.deepEqual([shown(), list.waiting.value], [['5 line 5', '6 line 6', '7 line 7'], 0]);
  });

  it('counts what arrives when it was paused before the first item', () => {
    const { list, add, frame } = listOf(3);
    list.pause();
    add(1, 2);
    frame();
    assert.equal(list.waiting.value, 2);
  });
});

describe('a filter of lines', () => {
  const lines = ['loading model', 'Error: out of memory', 'slot 12 (busy)', 'error'];
  const matching = (filter: LineFilter, of = lines) => filter.apply(of, (line) => line);

  it('matches regular expressions, whatever the case', () => {
    const filter = new LineFilter('^error|slot \\d+');
    assert.deepEqual(matching(filter), lines.slice(1));
    assert.equal(filter.note, undefined);
  });

  it('is none when it is empty', () => {
    assert.equal(matching(new LineFilter('')), lines);
  });

  it('searches text that is not a regular expression, and says so', () => {
    const filter = new LineFilter('12 (BUSY');
    assert.deepEqual(matching(filter), ['slot 12 (busy)']);
    assert.match(filter.note!, /not a regular expression/);
  });

  for (const expression of [
    '(a+)+$',
    '(a|a)*$',
    '((a)+b?)*$',
    '(?:\\w*)*!',
    '([ab]+){9}',
    '.*.*.*x',
    'a?'.repeat(9),
    'x'.repeat(101),
  ])
    it(`searches "${expression.slice(0, 20)}" as text, because it could take too long`, () => {
      const filter = new LineFilter(expression);
      assert.deepEqual(matching(filter, ['a'.repeat(5000), `see ${expression}`]), [`see ${expression}`]);
      assert.match(filter.note!, /too long/);
    });

  for (const expression of [
    'error.*memory',
    '\\d+ ms',
    '(error|warn)',
    '[*+?]',
    '\\(.*\\)',
    '(CUDA|GPU) error',
    'a{3}',
  ])
    it(`takes "${expression}" as a regular expression`, () => {
      assert.equal(new LineFilter(expression).note, undefined);
    });

  it('searches as text when all lines together take too long', () => {
    const filter = new LineFilter('.*.*§');
    const slow = Array.from({ length: 2000 }, () => 'a'.repeat(2000));
    assert.deepEqual(matching(filter, [...slow, 'a .*.*§']), ['a .*.*§']);
    assert.match(filter.note!, /too long/);
  });

  it('looks at the beginning of a long line only', () => {
    const filter = new LineFilter('en[d]');
    assert.deepEqual(matching(filter, [`${'x'.repeat(600)} end`, `${'x'.repeat(400)} end`]).length, 1);
  });
});
