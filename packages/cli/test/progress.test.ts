// Progress in lines, documents and bars. Imports internal files because a command gives no control over its clock.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import type { DownloadView } from '@lamina/core/protocol';
import { percent, showBytes, showSeconds } from '../dist/amounts.js';
import { Printer } from '../dist/printer.js';
import { Bars } from '../dist/progress/bars.js';
import { Documents } from '../dist/progress/documents.js';
import { Lines } from '../dist/progress/lines.js';

const at = (done: number, more: Partial<DownloadView> = {}): DownloadView => ({
  id: 'dl-1',
  model: 'tiny',
  source: 'url',
  reference: 'x',
  state: 'active',
  done,
  total: 1000,
  bytes_per_second: 100,
  seconds_left: (1000 - done) / 100,
  files: [{ path: 'tiny.gguf', done, total: 1000, state: 'fetching' }],
  created_at: '2026-01-01T00:00:00.000Z',
  ...more,
});

function createOutput() {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const read = (stream: PassThrough) => ((stream.read() ?? '') as Buffer | string).toString();
  return {
    stdout,
    stderr,
    printer: new Printer({ stdout, stderr, env: {} }, false),
    out: () => read(stdout),
    err: () => read(stderr),
  };
}

describe('progress', () => {
  it('in lines is shown for every tenth, at most every 3 s and at least every 30 s', () => {
    const { printer, err } = createOutput();
    let now = 0;
    const lines = new Lines(at(0), printer, () => now);
    const show = (ms: number, done: number) => {
      now = ms;
      lines.show(at(done));
      return err();
    };
    assert.equal(err(), 'Pulling tiny from url: 1 file, 1.0 kB.\n');
    assert.equal(show(1_000, 150), '');
    assert.equal(show(3_000, 150), 'tiny: 15 %, 150 bytes of 1.0 kB, 100 bytes/s, 9 s left\n');
    assert.equal(show(7_000, 190), '');
    assert.equal(show(33_000, 190), 'tiny: 19 %, 190 bytes of 1.0 kB, 100 bytes/s, 9 s left\n');
  });

  it('in documents is shown once a second and on every change of state', () => {
    const { printer, out } = createOutput();
    let now = 0;
    const documents = new Documents(printer, () => now);
    const show = (ms: number, view: DownloadView) => {
      now = ms;
      documents.show(view);
      return out();
    };
    assert.equal(JSON.parse(show(0, at(0, { state: 'queued' }))).state, 'queued');
    assert.equal(JSON.parse(show(10, at(1))).done, 1);
    assert.equal(show(500, at(2)), '');
    assert.equal(JSON.parse(show(1_010, at(3))).done, 3);
    assert.equal(show(2_500, at(1000, { state: 'finished' })), '');
  });

  it('in bars shows one per file and a total, without control characters', () => {
    const { stderr, printer, err } = createOutput();
    const terminal = Object.assign(stderr, { isTTY: true, columns: 100, rows: 24 });
    const file = (path: string, done: number, state: 'fetching' | 'verified' | 'waiting') => ({
      path,
      done,
      total: 500,
      state,
    });
    const two = (done: number) =>
      at(done, {
        files: [
          file('one\u001b[2J.gguf', Math.min(done, 500), done >= 500 ? 'verified' : 'fetching'),
          file('two.gguf', Math.max(0, done - 500), done > 500 ? 'fetching' : 'waiting'),
        ],
      });
    const bars = new Bars(two(0), terminal, printer);
    bars.show(two(750));
    bars.end();
    bars.end();
    const text = err();
    assert.match(text, /one\[2J\.gguf +█+ 100 % {2}500 bytes \/ 500 bytes/);
    assert.match(text, /two\.gguf +█+░+ {2}50 % {2}250 bytes \/ 500 bytes/);
    assert.match(text, /total +█+░+ {2}75 % {2}750 bytes \/ 1\.0 kB {2}100 bytes\/s {2}3 s/);
  });

  it('in bars counts the files when there are too many for one line each', () => {
    const { stderr, printer, err } = createOutput();
    const files = Array.from({ length: 40 }, (_, index) => ({
      path: `${index}.gguf`,
      done: index < 3 ? 25 : 0,
      total: 25,
      state: index < 3 ? ('verified' as const) : ('waiting' as const),
    }));
    const bars = new Bars(at(75, { files }), Object.assign(stderr, { isTTY: true, columns: 120, rows: 24 }), printer);
    bars.end();
    assert.match(err(), /tiny +█*░+ +7 % .* 3 of 40 files/);
  });

  it('in bars shortens a long name', () => {
    const { stderr, printer, err } = createOutput();
    const bars = new Bars(
      at(500, { model: 'a-model-with-quite-a-long-name-Q4_K_M' }),
      Object.assign(stderr, { isTTY: true, columns: 80, rows: 24 }),
      printer,
    );
    bars.end();
    assert.match(err(), /a-mode…name-Q4_K_M {2}█{5}░{5} {2}50 %/);
  });

  it('in bars shows the downloaded bytes when the size is unknown', () => {
    const { stderr, printer, err } = createOutput();
    const {
      total: _,
      seconds_left: __,
      ...unknown
    } = at(300, { files: [{ path: 'x', done: 300, state: 'fetching' }] });
    const bars = new Bars(unknown, Object.assign(stderr, { isTTY: true, columns: 100, rows: 24 }), printer);
    bars.end();
    assert.match(err(), /tiny +░+ 300 bytes {2}100 bytes\/s/);
  });
});

describe('amounts', () => {
  it('are short', () => {
    assert.deepEqual([0, 999, 1000, 1_500, 40_000_000, 2_040_000_000, 3e12].map(showBytes), [
      '0 bytes',
      '999 bytes',
      '1.0 kB',
      '1.5 kB',
      '40.0 MB',
      '2.0 GB',
      '3.0 TB',
    ]);
    assert.deepEqual([0.2, 59, 65, 3_600, 7_380].map(showSeconds), [
      '1 s',
      '59 s',
      '1 min 05 s',
      '1 h 00 min',
      '2 h 03 min',
    ]);
    assert.deepEqual([percent(999, 1000), percent(1000, 1000), percent(0, 0)], [99, 100, 100]);
  });
});
