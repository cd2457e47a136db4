// What Linux says about memory, read from directories of files like those of /proc and /sys. Internal: no public entry
// point reads another /proc than the machine's.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { systemMemory } from '../../dist/process/system-memory.js';

const MB = 1_000_000;
const meminfo = 'MemTotal: 16000000 kB\nMemFree: 1000000 kB\nMemAvailable: 8000000 kB\n';
const machine = { totalBytes: 16_000_000 * 1024, availableBytes: 8_000_000 * 1024 };

(process.platform === 'linux' ? describe : describe.skip)('the memory of a machine with Linux', () => {
  let root: string;

  beforeEach(async () => (root = await mkdtemp(join(tmpdir(), 'lamina-memory-'))));
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function read(files: Readonly<Record<string, string>>) {
    await write({ 'proc/meminfo': meminfo, ...files });
    return systemMemory(root).read();
  }

  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), text);
    }
  }

  const version2 = (group: string, max: string, current: string, stat = 'anon 0\n') => ({
    [`sys/fs/cgroup/${group}/memory.max`]: `${max}\n`,
    [`sys/fs/cgroup/${group}/memory.current`]: `${current}\n`,
    [`sys/fs/cgroup/${group}/memory.stat`]: stat,
  });
  const version1 = (group: string, limit: string, usage: string, stat = 'cache 0\n') => ({
    [`sys/fs/cgroup/memory/${group}/memory.limit_in_bytes`]: `${limit}\n`,
    [`sys/fs/cgroup/memory/${group}/memory.usage_in_bytes`]: `${usage}\n`,
    [`sys/fs/cgroup/memory/${group}/memory.stat`]: stat,
  });

  it('is that of the machine without control groups', async () => {
    assert.deepEqual(await read({}), machine);
    assert.deepEqual(await read({ 'proc/self/cgroup': '0::/not/there\n' }), machine);
  });

  it('is bounded by the smallest limit of its control group and of every parent', async () => {
    const files = {
      'proc/self/cgroup': '0::/app/web\n',
      ...version2('app/web', `${900 * MB}`, `${100 * MB}`),
      ...version2('app', `${500 * MB}`, `${450 * MB}`),
    };
    assert.deepEqual(await read(files), { totalBytes: 500 * MB, availableBytes: 50 * MB });
    assert.deepEqual(await read({ ...files, ...version2('app', 'max', `${450 * MB}`) }), {
      totalBytes: 900 * MB,
      availableBytes: 800 * MB,
    });
  });

  it('counts the page cache of a control group as available', async () => {
    const stat = `anon ${100 * MB}\ninactive_anon ${100 * MB}\ninactive_file ${300 * MB}\nactive_file ${50 * MB}\n`;
    const files = { 'proc/self/cgroup': '0::/app\n', ...version2('app', `${500 * MB}`, `${450 * MB}`, stat) };
    assert.deepEqual(await read(files), { totalBytes: 500 * MB, availableBytes: 400 * MB });
  });

  it('reads limits of the first version of control groups too', async () => {
    const stat = `cache ${9 * MB}\ninactive_file 5\ntotal_inactive_file ${200 * MB}\ntotal_active_file ${50 * MB}\n`;
    const files = {
      'proc/self/cgroup': '9:name=systemd:/\n4:memory:/app/web\n1:cpu:/\n0::/\n',
      ...version1('app/web', '9223372036854771712', `${300 * MB}`),
      ...version1('app', `${400 * MB}`, `${350 * MB}`, stat),
    };
    assert.deepEqual(await read(files), { totalBytes: 400 * MB, availableBytes: 300 * MB });
  });

  it('notices a limit that changes while it runs', async () => {
    await write({ 'proc/meminfo': meminfo, 'proc/self/cgroup': '0::/app\n', ...version2('app', 'max', '0') });
    const memory = systemMemory(root);
    assert.deepEqual(memory.read(), machine);
    await write(version2('app', `${300 * MB}`, `${100 * MB}`));
    assert.deepEqual(memory.read(), { totalBytes: 300 * MB, availableBytes: 200 * MB });
  });

  for (const odd of ['max', '-1', '9223372036854771712', '[N/A]', ''])
    it(`takes a limit of "${odd}" for none`, async () => {
      const files = { 'proc/self/cgroup': '0::/app\n4:memory:/app\n' };
      assert.deepEqual(await read({ ...files, ...version2('app', odd, '5'), ...version1('app', odd, '5') }), machine);
    });

  it('never has more available than there is, nor less than nothing', async () => {
    const more = await read({ 'proc/meminfo': 'MemTotal: 1000 kB\nMemAvailable: 2000 kB\n' });
    assert.deepEqual(more, { totalBytes: 1_024_000, availableBytes: 1_024_000 });
    const files = { 'proc/self/cgroup': '0::/app\n', ...version2('app', `${300 * MB}`, `${400 * MB}`) };
    assert.deepEqual(await read(files), { totalBytes: 300 * MB, availableBytes: 0 });
  });

  it('is what Node says where the files cannot be read', async () => {
    const { totalBytes, availableBytes } = await read({ 'proc/meminfo': 'nothing known\n' });
    assert.ok(totalBytes > 0 && availableBytes > 0 && availableBytes <= totalBytes);
  });

  it('adds up the anonymous memory of a process group, and counts shared memory once', async () => {
    const processOf = (pid: number, group: number, status: string) => ({
      [`proc/${pid}/stat`]: `${pid} (a b) S 1 ${group} ${group} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 77 0 0\n`,
      [`proc/${pid}/status`]: status,
    });
    await write({
      ...processOf(100, 100, 'RssAnon:\t 1000 kB\nRssFile:\t 9999 kB\nRssShmem:\t 50 kB\nVmSwap:\t 10 kB\n'),
      ...processOf(101, 100, 'RssAnon:\t 500 kB\nRssFile:\t 9999 kB\nRssShmem:\t 70 kB\n'),
      ...processOf(102, 102, 'RssAnon:\t 7777 kB\n'),
    });
    const memory = systemMemory(root);
    assert.equal(await memory.residentBytes(100), (1000 + 10 + 500 + 70) * 1024);
    assert.equal(await memory.residentBytes(999), undefined);
  });
});
