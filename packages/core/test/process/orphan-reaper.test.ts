// No engine outlives its Lamina: the guard ends it, or the journal at the next start when the guard was
// killed too.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { OrphanReaper } from '../../dist/process/orphan-reaper.js';
import { killGroup, ownerMark, ownerVariable, startFromPs, startOf } from '../../dist/process/process-table.js';
import { laminaLikeFile, type Pids } from './lamina-like.js';
import { isAlive, testLog, untilGone } from './engine-fixture.js';

describe('the orphan reaper', () => {
  let dataDir: string;
  const groups: number[] = [];
  beforeEach(async () => (dataDir = await mkdtemp(join(tmpdir(), 'lamina-reaper-'))));
  afterEach(async () => {
    await Promise.all(groups.splice(0).map(killGroup));
    await rm(dataDir, { recursive: true });
  });

  /** A process that leads a group, as an engine does. */
  function leader(script = 'exec sleep 1000', owner = ''): ChildProcess & { pid: number } {
    const child = spawn('/bin/sh', ['-c', script], {
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { PATH: '/usr/bin:/bin', [ownerVariable]: owner },
    });
    groups.push(child.pid!);
    return child as ChildProcess & { pid: number };
  }

  async function firstLine(child: ChildProcess): Promise<string> {
    const [line] = (await once(createInterface(child.stdout!), 'line')) as [string];
    return line;
  }

  async function laminaLike(): Promise<{ lamina: ChildProcess; pids: Pids }> {
    const lamina = spawn(process.execPath, [laminaLikeFile, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pids = JSON.parse(await firstLine(lamina)) as Pids;
    groups.push(pids.engine, pids.guard);
    return { lamina, pids };
  }

  function reaper(onMessage?: (sentence: string) => void): OrphanReaper {
    return new OrphanReaper({ dataDir, log: testLog(onMessage) });
  }

  async function writeJournal(processes: readonly object[], owner = ownerMark()): Promise<void> {
    await writeFile(join(dataDir, 'processes.json'), JSON.stringify({ owner, processes }));
  }

  async function journal(): Promise<{ processes: { pid: number; model: string }[] }> {
    return JSON.parse(await readFile(join(dataDir, 'processes.json'), 'utf8')) as never;
  }

  it('leaves no engine, no grandchild and no guard when its Lamina is killed', async () => {
    const { lamina, pids } = await laminaLike();
    lamina.kill('SIGKILL');
    const all = [pids.engine, pids.grandchild, pids.guard];
    await Promise.all(all.map(untilGone));
    assert.deepEqual(await Promise.all(all.map(isAlive)), [false, false, false]);
  });

  it('ends at the next start what is left when the guard was killed too', async () => {
    const { lamina, pids } = await laminaLike();
    lamina.kill('SIGSTOP'); // It would start another guard.
    process.kill(pids.guard, 'SIGKILL');
    lamina.kill('SIGKILL');
    await Promise.all([once(lamina, 'exit'), untilGone(pids.guard)]);
    assert.deepEqual([await isAlive(pids.engine), await isAlive(pids.grandchild)], [true, true]);
    assert.equal(await reaper().clearLeftovers(), 1);
    assert.deepEqual([await isAlive(pids.engine), await isAlive(pids.grandchild)], [false, false]);
    assert.deepEqual((await journal()).processes, []);
  });

  it('ends registered groups when it is disposed, and no others', async () => {
    const [kept, released] = [leader(), leader()];
    const mine = reaper();
    mine.guard(kept.pid, { model: 'kept' });
    const release = mine.guard(released.pid, { model: 'released' });
    assert.deepEqual(
      (await journal()).processes.map(({ pid, model }) => [pid, model]),
      [
        [kept.pid, 'kept'],
        [released.pid, 'released'],
      ],
    );
    release();
    release();
    assert.deepEqual(
      (await journal()).processes.map(({ model }) => model),
      ['kept'],
    );
    const exit = once(kept, 'exit');
    await mine.dispose();
    assert.deepEqual(await exit, [null, 'SIGTERM']);
    assert.equal(await isAlive(released.pid), true);
    assert.equal(mine.guardPid, undefined);
  });

  it('starts one guard with the first engine', async () => {
    const mine = reaper();
    assert.equal(mine.guardPid, undefined);
    mine.guard(leader().pid, { model: 'one' });
    const first = mine.guardPid;
    mine.guard(leader().pid, { model: 'two' });
    assert.equal(mine.guardPid, first);
    await mine.dispose();
    await reaper().dispose();
  });

  it('does not keep its own process alive, and the end of that process ends the engines', async () => {
    const engine = leader();
    const script = `
      import { OrphanReaper } from ${JSON.stringify(new URL('../../dist/process/orphan-reaper.js', import.meta.url).href)};
      const nothing = () => undefined;
      new OrphanReaper({ dataDir: process.argv[1], log: { debug: nothing, info: nothing, warn: nothing, error: nothing } }).guard(${engine.pid}, { model: 'tiny' });
    `;
    const exit = once(engine, 'exit');
    const lamina = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], { stdio: 'inherit' });
    assert.deepEqual(await once(lamina, 'exit'), [0, null]);
    assert.deepEqual(await exit, [null, 'SIGTERM']);
  });

  it('has a guard that ignores the terminal and SIGTERM', async function () {
    if (process.platform !== 'linux') return this.skip(); // Only /proc shows when the guard has set its traps.
    const mine = reaper();
    const engine = leader();
    mine.guard(engine.pid, { model: 'tiny' });
    const guard = mine.guardPid!;
    while (!/^SigIgn:\s+\d+4007$/m.test(await readFile(`/proc/${guard}/status`, 'utf8'))) await delay(5);
    for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'] as const) process.kill(guard, signal);
    const exit = once(engine, 'exit');
    await mine.dispose();
    assert.deepEqual(await exit, [null, 'SIGTERM']);
  });

  it('ends the engines of a guard that was killed while it was disposed', async () => {
    const mine = reaper();
    const engine = leader(`trap '' TERM; echo ready; while :; do sleep 1; done`);
    await firstLine(engine);
    mine.guard(engine.pid, { model: 'tiny' });
    const exit = once(engine, 'exit');
    const disposed = mine.dispose();
    process.kill(mine.guardPid!, 'SIGKILL');
    await disposed;
    assert.deepEqual(await exit, [null, 'SIGKILL']);
  });

  it('starts another guard with all groups when one is killed', async () => {
    let died: () => void;
    const deaths = new Promise<void>((resolve) => (died = resolve));
    const mine = reaper((sentence) => sentence.includes('guard process ended') && died());
    const engines = [leader(), leader()];
    for (const { pid } of engines) mine.guard(pid, { model: 'tiny' });
    const first = mine.guardPid!;
    process.kill(first, 'SIGKILL');
    await deaths;
    assert.notEqual(mine.guardPid, first);
    const exits = engines.map((engine) => once(engine, 'exit'));
    await mine.dispose();
    await Promise.all(exits);
  });

  it('never signals a process that only has the pid of an engine', async () => {
    const bystander = leader();
    await writeJournal([{ pid: bystander.pid, started: `${startOf(bystander.pid)}0`, model: 'tiny' }]);
    assert.equal(await reaper().clearLeftovers(), 0);
    assert.equal(await isAlive(bystander.pid), true);
  });

  it('ends the rest of a group without its leader only when it has the mark of that Lamina', async function () {
    if (process.platform !== 'linux') return this.skip(); // On other systems the environment of a process cannot be read, so it is not signalled.
    const leavesChild = 'sleep 1000 >/dev/null & echo $!';
    for (const [mark, cleared] of [
      ['1:other', 0],
      ['1:mine', 1],
    ] as const) {
      const gone = leader(leavesChild, mark);
      const [member] = await Promise.all([firstLine(gone).then(Number), once(gone, 'exit')]);
      await writeJournal([{ pid: gone.pid, started: 'before', model: 'tiny' }], '1:mine');
      assert.equal(await reaper().clearLeftovers(), cleared);
      assert.equal(await isAlive(member), cleared === 0);
    }
  });

  it('ignores a journal it did not write', async () => {
    const bystander = leader();
    for (const text of [
      'half a jour',
      '{"processes":[{"pid":-1}]}',
      JSON.stringify({
        owner: '',
        processes: [
          { pid: 1, started: startOf(1) ?? 'x', model: '' },
          { pid: bystander.pid, started: '', model: '' },
        ],
      }),
    ]) {
      await writeFile(join(dataDir, 'processes.json'), text);
      assert.equal(await reaper().clearLeftovers(), 0);
    }
    assert.equal(await isAlive(bystander.pid), true);
  });

  it('lets an engine start when the journal cannot be written', async () => {
    const logged: string[] = [];
    await writeFile(join(dataDir, 'file'), '');
    const mine = new OrphanReaper({
      dataDir: join(dataDir, 'file'),
      log: testLog((sentence) => logged.push(sentence)),
    });
    mine.guard(leader().pid, { model: 'tiny' });
    assert.ok(logged.includes('Cannot write the record of engine processes'));
    await mine.dispose();
  });

  it('distinguishes processes by their start time, without /proc too', () => {
    const [one, other] = [leader(), process];
    assert.equal(startOf(one.pid), startOf(one.pid));
    assert.notEqual(startOf(one.pid), startOf(other.pid));
    assert.match(startFromPs(one.pid)!, /\d\d:\d\d:\d\d \d{4}$/);
    assert.equal(startFromPs(2 ** 22 + 1), undefined);
  });
});
