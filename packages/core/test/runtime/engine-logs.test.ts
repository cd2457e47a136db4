// The lines that engines print, kept per model and followed.
import assert from 'node:assert/strict';
import { LaminaError, type FollowedLogLine } from '@lamina/core';
import { stage, type Stage } from './scripted-lamina.js';

describe('the log of an engine', () => {
  let current: Stage;
  const use = async (options: Parameters<typeof stage>[0] = {}) => (current = await stage(options));
  const texts = (model = 'a') => current.lamina.logs.lines(model).map(({ text }) => text);
  /** Starts the model and returns what prints a line of its engine. */
  const start = async (model = 'a') => {
    await current.lamina.runtime.start(model, { signal: current.signal });
    return current.script.starts.at(-1)!.context.output;
  };

  afterEach(() => current.close());

  it('has the lines of every start, numbered, each start begun by a line of Lamina', async () => {
    const { lamina, signal } = await use();
    (await start())('stderr', 'first');
    await lamina.runtime.stop('a', { signal, reason: 'requested' });
    (await start())('stdout', 'second');
    assert.deepEqual(
      lamina.logs.lines('a').map(({ number, stream, text }) => [number, stream, text]),
      [
        [1, 'lamina', 'Starting the engine'],
        [2, 'stderr', 'first'],
        [3, 'lamina', 'Starting the engine'],
        [4, 'stdout', 'second'],
      ],
    );
  });

  it('keeps the last 1,000 lines when nobody reads them', async () => {
    await use();
    const print = await start();
    for (let count = 1; count <= 20_000; count++) print('stderr', `line ${count}`);
    assert.deepEqual([texts().length, texts()[0], texts().at(-1)], [1_000, 'line 19001', 'line 20000']);
  });

  it('returns the newest lines, or the next ones after a number', async () => {
    const { lamina } = await use();
    const print = await start();
    for (const text of ['x', 'y', 'z']) print('stderr', text);
    const read = (range: object) => lamina.logs.lines('a', range).map(({ text }) => text);
    assert.deepEqual(read({ limit: 2 }), ['y', 'z']);
    assert.deepEqual(read({ limit: 0 }), []);
    assert.deepEqual(read({ after: 1 }), ['x', 'y', 'z']);
    assert.deepEqual(read({ after: 1, limit: 2 }), ['x', 'y']);
    assert.deepEqual(read({ after: 4 }), []);
    assert.equal(read({ after: 999 }).length, 4, 'a number of an earlier Lamina');
  });

  it('is found by an alias, and not by an unknown name', async () => {
    const { lamina, signal } = await use({ entries: { a: { aliases: ['other-name'] } } });
    (await start())('stderr', 'hello');
    assert.deepEqual(lamina.logs.lines('other-name'), lamina.logs.lines('a'));
    const unknown = (error: unknown) => LaminaError.is(error, 'MODEL_NOT_FOUND');
    assert.throws(() => lamina.logs.lines('nothing'), unknown);
    assert.throws(() => lamina.logs.follow('nothing', { signal }), unknown);
  });

  it('is followed across a restart of the engine', async () => {
    const { lamina, signal } = await use();
    const followed = lamina.logs.follow('a', { signal })[Symbol.asyncIterator]();
    const next = async () => ((await followed.next()).value as FollowedLogLine).text;
    (await start())('stderr', 'first');
    assert.deepEqual([await next(), await next()], ['Starting the engine', 'first']);
    const waiting = next();
    await lamina.runtime.stop('a', { signal, reason: 'requested' });
    (await start())('stderr', 'second');
    assert.deepEqual([await waiting, await next()], ['Starting the engine', 'second']);
    await followed.return?.();
  });

  it('tells a slow reader how many lines it missed', async () => {
    const { lamina, signal } = await use();
    const print = await start();
    const followed = lamina.logs.follow('a', { signal })[Symbol.asyncIterator]();
    assert.equal(((await followed.next()).value as FollowedLogLine).number, 1);
    for (let count = 1; count <= 5_000; count++) print('stderr', `line ${count}`);
    const { text, dropped } = (await followed.next()).value as FollowedLogLine;
    assert.deepEqual({ text, dropped }, { text: 'line 4001', dropped: 4_000 });
    assert.equal('dropped' in ((await followed.next()).value as FollowedLogLine), false);
  });

  for (const [how, end] of [
    ['the signal is aborted', (_stage: Stage, leave: AbortController) => leave.abort()],
    ['Lamina closes', ({ lamina }: Stage) => lamina.close()],
    ['the model is removed', ({ lamina }: Stage) => lamina.models.remove('a')],
  ] as const)
    it(`ends for its readers when ${how}`, async () => {
      const used = await use();
      (await start())('stderr', 'last line');
      const leave = new AbortController();
      const seen: string[] = [];
      const reading = (async () => {
        for await (const { text } of used.lamina.logs.follow('a', { signal: leave.signal })) {
          seen.push(text);
          if (text === 'last line') void end(used, leave);
        }
      })();
      await reading;
      assert.deepEqual(seen, ['Starting the engine', 'last line']);
    });
});
