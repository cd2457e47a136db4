// What the view of the downloads says: how far they are, their order, and what a search found.
import assert from 'node:assert/strict';
import type { DownloadFile, DownloadView } from '@lamina/core/protocol';
import {
  downloadText,
  filesText,
  ratioOf,
  referenceText,
  sortedDownloads,
  stateText,
} from '../page/dist/views/downloads/download-text.js';
import { downloadOf, foundFacts } from '../page/dist/views/downloads/found-models.js';

const download = (change: Partial<DownloadView> = {}): DownloadView => ({
  id: '1',
  model: 'tiny',
  source: 'url',
  reference: 'https://example.org/tiny.gguf',
  state: 'active',
  done: 59_500_000,
  total: 98_400_000,
  bytes_per_second: 4_000_000,
  seconds_left: 9.7,
  files: [],
  created_at: '2026-11-28T12:00:00Z',
  ...change,
});

describe('the sentence of a download', () => {
  it('has the bytes, the speed and the time left', () => {
    assert.equal(downloadText(download()), '59.5 MB of 98.4 MB, 4 MB/s, 10 s left');
    assert.equal(downloadText(download({ seconds_left: 3725 })), '59.5 MB of 98.4 MB, 4 MB/s, 1 h 3 min left');
  });

  it('leaves out what is not known, and what a download that is not active has not', () => {
    const { total: _total, seconds_left: _left, ...unknown } = download();
    assert.equal(downloadText(unknown), '59.5 MB, 4 MB/s');
    assert.equal(downloadText(download({ state: 'paused', bytes_per_second: 0 })), '59.5 MB of 98.4 MB');
    assert.equal(downloadText(download({ bytes_per_second: 0, state: 'failed' })), '59.5 MB of 98.4 MB');
    assert.equal(downloadText(download({ state: 'finished', done: 98_400_000 })), '98.4 MB');
  });

  it('calls an active one downloading', () => {
    assert.deepEqual([stateText({ state: 'active' }), stateText({ state: 'paused' })], ['downloading', 'paused']);
  });

  it('has a ratio once the size is known', () => {
    assert.equal(ratioOf({ done: 1, total: 4 }), 0.25);
    assert.equal(ratioOf({ done: 0, total: 0 }), 1);
    assert.equal(ratioOf({ done: 1 }), undefined);
  });

  it('counts the files and those that are complete', () => {
    const file = (state: DownloadFile['state']): DownloadFile => ({ path: 'x', done: 1, state });
    assert.equal(filesText([file('fetching')]), '1 file');
    assert.equal(filesText([file('verified'), file('placed'), file('fetching')]), '3 files, 2 complete');
    assert.equal(filesText([file('placed'), file('placed')]), '2 files');
  });

  it('has references that are not text as JSON', () => {
    assert.equal(referenceText('org/model:Q4_K_M'), 'org/model:Q4_K_M');
    assert.equal(referenceText({ path: '/x' }), '{"path":"/x"}');
  });
});

describe('the list of downloads', () => {
  it('has those that have not finished first, each the newest first', () => {
    const states = ['finished', 'active', 'failed', 'cancelled', 'paused', 'finished'] as const;
    const sorted = sortedDownloads(states.map((state, index) => download({ id: String(index), state })));
    assert.deepEqual(
      sorted.map(({ id }) => id),
      ['4', '2', '1', '5', '3', '0'],
    );
  });
});

describe('a model that a search found', () => {
  it('has what the source says of it', () => {
    assert.deepEqual(foundFacts({ source: 'hub', reference: 'a/b' }), ['hub']);
    const facts = foundFacts({
      source: 'hub',
      reference: 'a/b',
      bytes: 2_400_000_000,
      downloads: 12_345,
      likes: 1,
      formats: ['gguf'],
      gated: true,
    });
    assert.deepEqual(facts.slice(0, -1), ['hub', '2.4 GB', 'gguf', '12,345 downloads', '1 like']);
    assert.match(facts.at(-1)!, /token/);
  });

  it('knows its newest download, unless that was cancelled', () => {
    const found = { source: 'hub', reference: 'a/b' };
    const one = (id: string, change: Partial<DownloadView> = {}) =>
      download({ id, source: 'hub', reference: 'a/b', ...change });
    assert.equal(downloadOf(found, [one('1'), one('2')])?.id, '2');
    assert.equal(downloadOf(found, [one('1'), one('2', { state: 'cancelled' })])?.id, '1');
    assert.equal(downloadOf(found, [one('1', { source: 'other' }), one('2', { reference: 'a/c' })]), undefined);
  });
});
