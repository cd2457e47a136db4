// How many cores a process may compute on, according to Linux.
import assert from 'node:assert/strict';
import { cores } from '../../dist/process/cores.js';

/** Eight processors, two to a core: 0 and 4, 1 and 5, … */
const machine = {
  '/sys/devices/system/cpu/online': '0-7\n',
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6, 7].map((number) => [
      `/sys/devices/system/cpu/cpu${number}/topology/thread_siblings_list`,
      `${number % 4},${(number % 4) + 4}\n`,
    ]),
  ),
};

const coresOf = (files: Readonly<Record<string, string>>) => cores((path) => ({ ...machine, ...files })[path]);
const allowed = (list: string) => ({
  '/proc/self/status': `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${list}\n`,
});

describe('the cores of a process', () => {
  it('counts physical cores: two threads of one core count once', () => {
    assert.deepEqual(coresOf(allowed('0-7')), { all: 4, usable: 4 });
    assert.deepEqual(coresOf({}), { all: 4, usable: 4 });
  });

  it('counts only cores that it may run on and that are online', () => {
    assert.equal(coresOf(allowed('0')).usable, 1);
    assert.equal(coresOf(allowed('0,4')).usable, 1);
    assert.equal(coresOf(allowed('0-1,4-6')).usable, 3);
    assert.equal(coresOf(allowed('3-127')).usable, 4);
  });

  it('respects the quota of its control group and of those above it', () => {
    const group = { '/proc/self/cgroup': '0::/app/web\n' };
    assert.equal(coresOf({ ...group, '/sys/fs/cgroup/app/web/cpu.max': 'max 100000\n' }).usable, 4);
    assert.equal(coresOf({ ...group, '/sys/fs/cgroup/app/web/cpu.max': '250000 100000\n' }).usable, 2);
    assert.equal(
      coresOf({
        ...group,
        '/sys/fs/cgroup/app/web/cpu.max': 'max 100000\n',
        '/sys/fs/cgroup/app/cpu.max': '50000 100000\n',
      }).usable,
      1,
    );
    assert.equal(coresOf({ ...group, '/sys/fs/cgroup/cpu.max': '300000 100000\n' }).usable, 3);
  });

  it('respects the quota of control groups of version 1', () => {
    const group = (most: string) => ({
      '/proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/docker/1\n',
      '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': most,
      '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    });
    assert.equal(coresOf(group('-1\n')).usable, 4);
    assert.equal(coresOf(group('200000\n')).usable, 2);
  });
});
