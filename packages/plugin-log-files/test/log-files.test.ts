// The output of real processes in log files: one for each model, rotated, and written again after the disk failed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type Logger, type Manifest } from '@lamina/core';
import { fakePlugin } from '@lamina/testing';
import { logFiles } from '../dist/index.js';

describe('log files', () => {
  let folder: string;
  let directory: string;
  let lamina: Lamina;
  let messages: string[];
  let printed: { model: string; text: string }[];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-log-files-'));
    directory = join(folder, 'logs');
    [messages, printed] = [[], []];
  });
  afterEach(async () => {
    await lamina.close();
    await rm(folder, { recursive: true });
  });

  /** Models whose engines print these lines when they start. */
  const use = async (
    models: Record<string, readonly string[]>,
    options: Parameters<typeof logFiles>[0] = { directory },
  ) => {
    const keep = (_data: object, message: string) => void (message.startsWith('Log files') && messages.push(message));
    const ignore = () => undefined;
    const log: Logger = { debug: ignore, info: keep, warn: keep, error: ignore, child: () => log };
    await mkdir(join(folder, 'models'));
    await writeFile(join(folder, 'models', 'a.fake'), 'a model');
    const entries = Object.entries(models).map(([name, stderr]) => [name, { path: 'a.fake', options: { stderr } }]);
    lamina = await createLamina({
      modelsDir: join(folder, 'models'),
      dataDir: join(folder, 'data'),
      manifest: { models: Object.fromEntries(entries) as NonNullable<Manifest['models']> },
      plugins: [fakePlugin(), logFiles(options)],
      log,
    });
    lamina.events.on('log.line', ({ model, text }) => void printed.push({ model, text }));
  };
  const start = (model: string) => lamina.runtime.start(model, { signal: new AbortController().signal });
  const printedBy = (model: string) => printed.filter((line) => line.model === model).map(({ text }) => text);
  const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1} of ${count}`);
  const contentOf = (name: string, from = directory) => readFile(join(from, name), 'utf8');
  /** The lines of engines in a file, without their times. */
  const textsOf = async (name: string, from?: string) =>
    [...(await contentOf(name, from)).matchAll(/^\S+Z stderr (.*)$/gm)].map(([, text]) => text);
  const messageOf = async (text: string) => {
    while (!messages.includes(text)) await new Promise((resolve) => setImmediate(resolve));
  };
  const warning = 'Log files cannot be written; models continue, and lines may be lost';
  const recovery = 'Log files are written again';

  it('have the lines of each model in a file of its own, and are complete when Lamina has closed', async () => {
    await use({ one: numbered(500), two: ['hello from two'] });
    assert.equal(existsSync(directory), false, 'before the first line');
    await Promise.all([start('one'), start('two')]);
    await lamina.close();
    assert.deepEqual((await readdir(directory)).toSorted(), ['one.log', 'two.log']);
    assert.deepEqual(await textsOf('one.log'), printedBy('one'));
    assert.deepEqual(await textsOf('two.log'), printedBy('two'));
    assert.ok(printedBy('one').length > 500);
    assert.match(
      await contentOf('two.log'),
      /^\d{4}-\d\d-\d\dT[\d:.]+Z lamina Starting the engine\n\S+Z stderr hello from two\n/,
    );
    assert.equal((await stat(join(directory, 'one.log'))).mode & 0o777, 0o600);
    assert.deepEqual(messages, []);
  });

  it('are in the data directory by default, and go on after a restart of the engine', async () => {
    await use({ one: ['hello'] }, {});
    await start('one');
    await lamina.runtime.stop('one', { reason: 'requested', signal: new AbortController().signal });
    await start('one');
    await lamina.close();
    const texts = await textsOf('one.log', join(folder, 'data', 'plugins', 'log-files'));
    assert.deepEqual(texts, printedBy('one'));
    assert.equal(texts.filter((text) => text === 'hello').length, 2);
  });

  it('are rotated by size, and so many older ones are kept', async () => {
    await use({ one: numbered(300) }, { directory, max_size: '1K', max_files: 2 });
    await start('one');
    await lamina.close();
    const names = ['one.log.2', 'one.log.1', 'one.log'];
    assert.deepEqual((await readdir(directory)).toSorted(), names.toSorted());
    for (const name of names) assert.ok((await stat(join(directory, name))).size < 1_200, name);
    const kept = (await Promise.all(names.map((name) => textsOf(name)))).flat();
    assert.ok(kept.length > 20);
    assert.deepEqual(kept, printedBy('one').slice(-kept.length));
  });

  it('have safe and different names for models with / and : and %, and for long names', async () => {
    const long = 'x/'.repeat(99); // Encoded it is longer than a file name may be.
    const names = ['org/model:Q4', 'org%2Fmodel%3AQ4', 'org_model_Q4', `${long}1`, `${long}2`];
    await use(Object.fromEntries(names.map((name) => [name, [`this is ${name.slice(-20)}`]])));
    for (const name of names) await start(name);
    await lamina.close();
    const files = (await readdir(directory)).toSorted();
    assert.equal(files.length, names.length);
    assert.ok(files.every((file) => Buffer.byteLength(file) < 220));
    const first = async (file: string) => (await textsOf(file))[0];
    assert.equal(await first('org%2Fmodel%3AQ4.log'), 'this is org/model:Q4');
    assert.equal(await first('org%252Fmodel%253AQ4.log'), 'this is org%2Fmodel%3AQ4');
    assert.deepEqual(
      (await Promise.all(files.map(first))).toSorted(),
      names.map((name) => `this is ${name.slice(-20)}`).toSorted(),
    );
  });

  it('are without lines while their directory cannot be made, with one warning, and go on when it can', async () => {
    await writeFile(directory, 'a file where the directory must be');
    await use({ one: ['hello'], two: ['hello'] });
    await Promise.all([start('one'), start('two')]);
    await messageOf(warning);
    await rm(directory);
    await messageOf(recovery);
    await lamina.close();
    assert.deepEqual(messages, [warning, recovery]);
    for (const name of ['one', 'two']) assert.deepEqual(await textsOf(`${name}.log`), printedBy(name));
  });

  it('do not hold up the end of Lamina when they cannot be written', async () => {
    await writeFile(directory, 'a file where the directory must be');
    await use({ one: ['hello'] });
    await start('one');
    await messageOf(warning);
    await lamina.close();
    assert.deepEqual(messages, [warning]);
  });

  describe('on a disk of their own', () => {
    const mount = (...options: string[]) => {
      execFileSync('mount', ['-t', 'tmpfs', '-o', ['size=1M', ...options].join(), 'none', directory], {
        stdio: 'pipe',
      });
    };
    let isMounted: boolean;
    const useDisk = async (context: Mocha.Context, ...options: string[]) => {
      await mkdir(directory);
      try {
        mount(...options);
        isMounted = true;
      } catch {
        lamina = await createLamina({ dataDir: join(folder, 'data'), modelsDir: folder, log: 'silent' });
        context.skip(); // This user may not mount.
      }
    };
    beforeEach(() => (isMounted = false));
    afterEach(async () => {
      await lamina.close();
      if (isMounted) execFileSync('umount', [directory]);
    });

    it('lose the lines that no longer wait when it was full, say how many, and go on when it has room', async function () {
      await useDisk(this);
      const fill = join(directory, 'fill');
      await writeFile(fill, Buffer.alloc(2 ** 20)).catch((error: NodeJS.ErrnoException) => {
        assert.equal(error.code, 'ENOSPC');
      });
      await use({ one: numbered(3_000), two: ['hello'] });
      await Promise.all([start('one'), start('two')]);
      await messageOf(warning);
      await rm(fill);
      await messageOf(recovery);
      await lamina.close();
      assert.deepEqual(messages, [warning, recovery]);
      const [texts, all] = [await textsOf('one.log'), printedBy('one')];
      assert.deepEqual(texts, all.slice(-texts.length));
      const [, dropped] = /Z lamina (\d+) lines are missing here/.exec(await contentOf('one.log'))!;
      assert.equal(Number(dropped) + texts.length, all.length);
      assert.deepEqual(await textsOf('two.log'), printedBy('two'));
    });

    it('are without lines while it is read-only, with one warning, and go on when it is not', async function () {
      await useDisk(this, 'ro');
      await use({ one: ['hello'] });
      await start('one');
      await messageOf(warning);
      mount('remount', 'rw');
      await messageOf(recovery);
      await lamina.close();
      assert.deepEqual(messages, [warning, recovery]);
      assert.deepEqual(await textsOf('one.log'), printedBy('one'));
    });
  });
});
