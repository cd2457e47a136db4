// The memory for items is limited. Tested at the class: it would take 10,000 responses to reach its limits over HTTP.
import assert from 'node:assert/strict';
import { RecentItems } from '../dist/recent-items.js';

describe('the memory for items', () => {
  it('forgets the items that were not used for longest when there are more than 10,000', () => {
    const recent = new RecentItems();
    for (let index = 0; index < 10_000; index++) recent.add('me', [{ id: `msg_${index}` }]);
    assert.ok(recent.get('me', 'msg_0'));
    recent.add('me', [{ id: 'msg_10000' }]);
    assert.equal(recent.get('me', 'msg_1'), undefined);
    assert.ok(recent.get('me', 'msg_0') && recent.get('me', 'msg_2') && recent.get('me', 'msg_10000'));
  });

  it('holds at most 16 Mi characters', () => {
    const recent = new RecentItems();
    const text = 'a'.repeat(5 * 1024 * 1024);
    for (let index = 0; index < 4; index++) recent.add('me', [{ id: `msg_${index}`, text }]);
    const known = [0, 1, 2, 3].filter((index) => recent.get('me', `msg_${index}`) !== undefined);
    assert.deepEqual(known, [1, 2, 3]);
  });
});
