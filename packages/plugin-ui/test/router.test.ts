// The addresses of the page: what a link is, and what is shown at it.
import assert from 'node:assert/strict';
import { href, parseRoute, views } from '../page/dist/router.js';

describe('the addresses of the page', () => {
  const read = (hash: string) => {
    const { view, item, query } = parseRoute(hash);
    return [view, item, Object.fromEntries(query)];
  };

  for (const item of ['', 'tiny', 'team/own coder', 'a?b#c&d=100 %', 'ünï→'])
    for (const query of [{}, { filter: 'a&b=c #1?' }])
      it(`are read as they were written: "${item}" with ${JSON.stringify(query)}`, () => {
        for (const view of views) assert.deepEqual(read(href(view, item, query)), [view, item, query]);
      });

  it('are relative, so that the page may be below any path', () => {
    assert.equal(href('logs', 'team/coder', { tail: '5' }), '#/logs/team%2Fcoder?tail=5');
  });

  it('lead to the models when there is no such view', () => {
    for (const hash of ['', '#', '#/', '#/nothing/there', '#/__proto__']) assert.equal(parseRoute(hash).view, 'models');
  });

  it('may be written by hand', () => {
    assert.deepEqual(read('logs/team/coder'), ['logs', 'team/coder', {}]);
    assert.deepEqual(read('#/logs/100%'), ['logs', '100%', {}]);
  });
});
