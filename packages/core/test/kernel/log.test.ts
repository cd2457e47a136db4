// The log of a Lamina that an application embeds: what it contains when no level is set.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const program = `
import { createLamina } from '${import.meta.resolve('@lamina/core')}';
import { fakePlugin } from '${import.meta.resolve('@lamina/testing')}';
const [modelsDir, log] = process.argv.slice(2);
const lamina = await createLamina({ modelsDir, plugins: [fakePlugin()], ...(log === undefined ? {} : { log }) });
const signal = new AbortController().signal;
const request = { route: 'chat/completions', model: 'tiny', headers: {} };
const open = await lamina.inference.open(request, { signal });
open.finish({ status: 200, served: true });
await lamina.close();
`;

describe('the log of an embedded Lamina', function () {
  this.timeout(60_000);
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-log-'));
    await writeFile(join(directory, 'program.mjs'), program);
    await mkdir(join(directory, 'models'));
    await writeFile(join(directory, 'models', 'tiny.fake'), 'a fake model');
    await writeFile(join(directory, 'models', 'models.yaml'), 'models:\n  tiny: { path: tiny.fake, backend: fake }\n');
  });
  afterEach(() => rm(directory, { recursive: true }));

  const runProgram = (...args: string[]) =>
    spawnSync(process.execPath, [join(directory, 'program.mjs'), ...args], { encoding: 'utf8' });
  const run = (...args: string[]): { level: number; msg: string }[] => {
    const { status, stderr } = runProgram(...args);
    assert.equal(status, 0, stderr);
    return stderr
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { level: number; msg: string });
  };

  it('is empty by default when nothing is wrong', () => {
    assert.deepEqual(run(join(directory, 'models')), []);
  });

  it('warns by default of a models directory that does not exist', () => {
    assert.match(
      runProgram(join(directory, 'nowhere')).stderr,
      /"level":40.*The models directory .*nowhere does not exist/,
    );
  });

  it('contains every step at level info, requests of the application too', () => {
    const messages = run(join(directory, 'models'), 'info').map(({ msg }) => msg);
    assert.deepEqual(
      messages.map((message) => message.replace(/(\d[\d.]* m?s|[0-9a-f]{8}(?= ))/g, '…').replace(directory, '')),
      [
        'Loaded 1 plugin: fake',
        'Found 1 model, 1 with all files, in /models',
        'Starting model "tiny"',
        'Model "tiny" is ready after … on fake',
        'Request … chat/completions "tiny": 200 in …',
        'Stopped model "tiny": Lamina is shutting down',
      ],
    );
  });
});
