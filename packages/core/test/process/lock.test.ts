// One owner per data directory, whatever competes for it and however the last owner ended.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lockDataDir } from '../../dist/process/lock.js';
import { startOf } from '../../dist/process/process-table.js';
import { lockerFile } from './locker.js';

describe('the lock of a data directory', () => {
  let dataDir: string;
  beforeEach(async () => (dataDir = await mkdtemp(join(tmpdir(), 'lamina-lock-'))));
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  /** Another process, and the result of its attempt once it is told to try. */
  async function locker(): Promise<{ child: ChildProcess; attempt(): Promise<string>; end(): Promise<void> }> {
    const child = spawn(process.execPath, [lockerFile, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout!)[Symbol.asyncIterator]();
    const next = async () => String((await lines.next()).value);
    assert.equal(await next(), 'here');
    return {
      child,
      attempt: () => (child.stdin!.write('try\n'), next()),
      end: async () => {
        child.stdin!.end();
        await once(child, 'exit');
      },
    };
  }

  it('has one owner at a time, and the error names it and what to do', async () => {
    const { child, attempt, end } = await locker();
    assert.equal(await attempt(), 'won');
    await assert.rejects(lockDataDir(dataDir), {
      code: 'CONFLICT',
      message: `The data directory ${dataDir} is in use by another Lamina, process ${child.pid}. Stop that one, or choose another directory with --data-dir.`,
    });
    await end();
  });

  it('is refused to a second Lamina of the same process until the first releases it', async () => {
    for (let round = 0; round < 3; round += 1) {
      const lock = await lockDataDir(dataDir);
      await assert.rejects(lockDataDir(dataDir), { code: 'CONFLICT', message: /another Lamina of this process/ });
      await lock.dispose();
    }
  });

  it('is taken over from an owner that was killed', async () => {
    const { child, attempt } = await locker();
    assert.equal(await attempt(), 'won');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await lockDataDir(dataDir)).dispose();
    assert.equal((await readdir(dataDir)).length, 1);
  });

  it('is taken over from an owner whose pid was reused', async () => {
    await writeFile(join(dataDir, 'lock.7'), `${process.pid} ${startOf(process.pid)}0\n`);
    const lock = await lockDataDir(dataDir);
    assert.deepEqual(await readdir(dataDir), ['lock.8']);
    await lock.dispose();
  });

  it('is taken over from an owner that died while writing it', async () => {
    await writeFile(join(dataDir, 'lock.1'), `${process.pid} ${startOf(process.pid)}`); // The end of the line is missing.
    const lock = await lockDataDir(dataDir);
    assert.deepEqual(await readdir(dataDir), ['lock.2']);
    await lock.dispose();
  });

  it('is acquired by exactly one of many that find a dead owner at once', async () => {
    await writeFile(join(dataDir, 'lock.1'), '1 long ago\n');
    const lockers = await Promise.all(Array.from({ length: 5 }, locker));
    const outcomes = await Promise.all(lockers.map(({ attempt }) => attempt()));
    await Promise.all(lockers.map(({ end }) => end()));
    assert.deepEqual(outcomes.sort(), ['CONFLICT', 'CONFLICT', 'CONFLICT', 'CONFLICT', 'won']);
  });

  it('has one owner at every moment of many concurrent attempts', async () => {
    let owners = 0;
    let owned = 0;
    const scramble = async () => {
      for (let round = 0; round < 25; round += 1) {
        const lock = await lockDataDir(dataDir).catch(() => undefined);
        if (lock === undefined) continue;
        owned += 1;
        assert.equal((owners += 1), 1);
        await readdir(dataDir);
        owners -= 1;
        await lock.dispose();
      }
    };
    await Promise.all(Array.from({ length: 8 }, scramble));
    assert.ok(owned > 0);
  });

  it('creates a missing directory, and tolerates its removal', async () => {
    const inner = join(dataDir, 'a', 'b');
    const lock = await lockDataDir(inner);
    assert.deepEqual(await readdir(inner), ['lock.1']);
    await rm(inner, { recursive: true });
    await lock.dispose();
  });
});
