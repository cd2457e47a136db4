// lamina backends install: installs an engine in this process or in a server, with its progress.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Folder, type CommandOutput } from './support/command.js';

/** A plugin whose backend `ready` installs itself in three steps, and `broken` cannot. */
const plugin = `
import { definePlugin, LaminaError } from '${import.meta.resolve('@lamina/core/plugin')}';
import { fakeBackend } from '${import.meta.resolve('@lamina/testing')}';

let isInstalled = false;
const fake = fakeBackend();
const withInstall = (type, install) => ({
  ...fake,
  type,
  create: (name, options) => ({ ...fake.create(name, options), name, install }),
});
const ready = withInstall('ready', async ({ progress }) => {
  if (isInstalled) return false;
  for (const ratio of [0, 0.5, 1]) progress({ stage: 'installing engine 1.2', ratio });
  return (isInstalled = true);
});
const broken = withInstall('broken', () => {
  throw new LaminaError('BACKEND_INSTALL_FAILED', { backend: 'broken', reason: 'the disk is full', hint: 'Free some space.' });
});
const engines = definePlugin({ name: 'engines', setup: (lamina) => [ready, broken].forEach((type) => lamina.addBackend(type)) });
export default { plugins: [engines()] };
`;

describe('lamina backends install', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('config.mjs'), plugin);
    await writeFile(folder.file('models/models.yaml'), 'models: {}\n');
  });
  afterEach(() => folder.remove());

  const stages = ({ stderr }: CommandOutput) => stderr.trim().split('\n');

  it('installs the engine with its progress, and says how long it took', async () => {
    const installed = await folder.here('backends', 'install', 'ready');
    assert.equal(installed.code, 0, installed.stderr);
    assert.match(installed.stdout, /^Installed ready \S+ in \d+\.\d s\.\n$/);
    assert.deepEqual(
      stages(installed),
      [0, 50, 100].map((percent) => `ready: installing engine 1.2, ${percent} %`),
    );
  });

  it('fails with exit code 1, the reason and what to do', async () => {
    const failed = await folder.here('backends', 'install', 'broken');
    assert.deepEqual(
      [failed.code, failed.stdout, failed.stderr],
      [
        1,
        '',
        'lamina: The engine of the backend "broken" could not be installed: the disk is full. Free some space.\n',
      ],
    );
  });

  it('installs it in a server, which owns the directory, and shows the progress', async () => {
    const url = await folder.serve();
    const installed = await folder.here('backends', 'install', 'ready');
    assert.match(installed.stdout, /^Installed ready \S+ in \d+\.\d s\.\n$/);
    assert.match(stages(installed)[0] ?? '', /^ready: installing engine 1\.2, \d+ %$/);
    const again = await folder.run('backends', 'install', 'ready', '--server', url, '--json');
    const { version, ...rest } = JSON.parse(again.stdout) as { version: string };
    assert.deepEqual([typeof version, rest], ['string', { backend: 'ready', installed: false }]);
  });
});
