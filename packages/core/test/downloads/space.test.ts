// Free space excludes what other downloads have reserved.
import assert from 'node:assert/strict';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { LaminaError } from '@lamina/core';
import { systemClock } from '../../dist/kernel/clock.js';
import { Space } from '../../dist/downloads/space.js';

describe('the disk space of downloads', () => {
  it('is reserved once, and free again when a download ends', async () => {
    const { bavail, bsize } = await statfs(tmpdir());
    const most = () => Math.floor((bavail * bsize) / 4) * 3;
    const space = new Space(tmpdir(), systemClock);
    const release = await space.reserve('one', most);
    await assert.rejects(space.reserve('two', most), (error) => LaminaError.is(error, 'DISK_FULL'));
    (await space.reserve('three', () => 0))();
    release();
    (await space.reserve('two', most))();
  });
});
