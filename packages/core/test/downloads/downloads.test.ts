// A download as a job: shared, paused, resumed after a kill, and added to the manifest.
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { createLamina, LaminaError, type LaminaEvent } from '@lamina/core';
import { definePlugin, type Source } from '@lamina/core/plugin';
import { fakeBackend, watchForLeaks } from '@lamina/testing';
import { ManualClock } from '../runtime/manual-clock.js';
import { Downloading } from './downloading.js';
import {
  ggufBytes,
  head,
  honest,
  HostileServer,
  sha256Of,
  trickling,
  type Behaviour,
  type Seen,
} from './hostile-server.js';
import { fetched, impatient, withDownloads } from './harness.js';

const megabyte = 1024 * 1024;

/**
 * Sends this share of every response, and then waits for the gate. A response whose last byte was sent is
 * ended: its connection can be reused.
 */
function gated(share: number): { behaviour: Behaviour; open(): void } {
  let open: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (open = resolve));
  const behaviour: Behaviour = (exchange) => {
    const body = head(exchange);
    if (body === undefined) return;
    const middle = body.from + Math.ceil((body.to - body.from) * share);
    if (middle === body.to) return void exchange.response.end(exchange.content.subarray(body.from, middle));
    exchange.response.write(exchange.content.subarray(body.from, middle));
    void gate.then(() => exchange.response.end(exchange.content.subarray(middle, body.to)));
  };
  return { behaviour, open: () => open() };
}

type Range = readonly [from: number, to: number];

/** The ranges of its only file that are on disk, according to the journal of a download. */
function rangesOnDisk(modelsDir: string, id: string): readonly Range[] {
  const { files } = JSON.parse(readFileSync(join(modelsDir, '.downloads', id, 'journal.json'), 'utf8')) as {
    files: { held: Range[] }[];
  };
  return files[0]!.held;
}

function bytesOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [from, to]) => sum + to - from, 0);
}

function assertNotRequestedAgain(requests: readonly Seen[], onDisk: readonly Range[]): void {
  const requested = requests.map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range!)![1]));
  for (const [from, to] of onDisk)
    assert.ok(
      requested.every((first) => first < from || first >= to),
      'bytes that were on disk were requested again',
    );
}

describe('a download', () => {
  it('adds its model to the manifest: path, size, source, digest, comments kept', async () => {
    const text = '# mine\nmodels:\n  other: { path: other.gguf } # stays\n';
    await withDownloads(
      async ({ lamina, server }) => {
        const content = ggufBytes(3_000_000);
        const url = server.serve('/tiny.gguf', content);
        const before = lamina.models.get('org/tiny:q4');
        assert.equal(before, undefined);
        await fetched(lamina, { url, sha256: sha256Of(content) }, 'org/tiny:q4');
        const record = lamina.models.get('org/tiny:q4')!;
        assert.equal(record.available, true);
        assert.deepEqual(record.entry, {
          path: 'org/tiny:q4/tiny.gguf',
          size: '3MB',
          download: { url: { url, sha256: sha256Of(content) } },
          digest: `sha256:${sha256Of(content)}`,
        });
        const written = readFileSync(join(lamina.modelsDir, 'models.yaml'), 'utf8');
        assert.ok(written.startsWith(text), written);
      },
      { files: { 'models.yaml': text, 'other.gguf': 'x' } },
    );
  });

  it('names the backend of its model only if no other one can run it: among several, each start chooses', async () => {
    const backends = (...types: string[]) =>
      definePlugin({
        name: 'several',
        setup: (lamina) => types.forEach((type) => lamina.addBackend(fakeBackend({ type, formats: ['gguf'] }))),
      })();
    for (const [types, expected] of [
      [['only'], 'only'],
      [['first', 'second'], undefined],
    ] as const)
      await withDownloads(
        async ({ lamina, server }) => {
          await fetched(lamina, { url: server.serve('/tiny.gguf', ggufBytes(1_000)) });
          assert.equal(lamina.models.get('tiny')!.entry.backend, expected);
        },
        { plugins: [backends(...types)] },
      );
  });

  it('emits events, progress at most ten times a second and never backwards', () =>
    withDownloads(async ({ lamina, server }) => {
      const events: LaminaEvent[] = [];
      lamina.events.onAny((event) => void (event.type.startsWith('download.') && events.push(event)));
      const content = ggufBytes(9 * megabyte);
      const url = server.serve('/tiny.gguf', content, (exchange) =>
        exchange.count < 9 ? trickling(100_000, 10)(exchange) : honest(exchange),
      );
      await fetched(lamina, url);
      const types = events.map(({ type }) => type).filter((type) => type !== 'download.progress');
      assert.deepEqual(types, ['download.queued', 'download.started', 'download.verified', 'download.finished']);
      const progress = events.filter(
        (event): event is LaminaEvent<'download.progress'> => event.type === 'download.progress',
      );
      assert.ok(progress.length >= 2);
      progress.slice(1).forEach((event, index) => {
        assert.ok(event.done >= progress[index]!.done);
        if (index < progress.length - 2) assert.ok(Date.parse(event.at) - Date.parse(progress[index]!.at) >= 90);
      });
      assert.equal(progress.at(-1)!.done, content.length);
    }));

  it('is shared by all requests for the same model', () =>
    withDownloads(async ({ lamina, server }) => {
      const { behaviour, open } = gated(0.5);
      const url = server.serve('/tiny.gguf', ggufBytes(megabyte), (exchange) =>
        (exchange.count === 0 ? honest : behaviour)(exchange),
      );
      const jobs = await Promise.all([1, 2, 3].map(() => lamina.downloads.start({ reference: url, name: 'tiny' })));
      jobs.push(await lamina.downloads.start({ reference: url }));
      assert.equal(new Set(jobs.map(({ id }) => id)).size, 1);
      assert.equal(lamina.downloads.list().length, 1);
      await assert.rejects(lamina.downloads.start({ reference: `${url}?other`, name: 'tiny' }), (error) =>
        LaminaError.is(error, 'CONFLICT'),
      );
      open();
      await lamina.downloads.wait(jobs[0]!.id);
      const isHere = (same: boolean) => (error: unknown) =>
        LaminaError.is(error, 'CONFLICT') && error.details['same'] === same;
      await assert.rejects(lamina.downloads.start({ reference: url, name: 'tiny' }), isHere(true));
      await assert.rejects(lamina.downloads.start({ reference: `${url}?other`, name: 'tiny' }), isHere(false));
    }));

  it('resumes after a pause from the bytes it has', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(9 * megabyte);
      const { behaviour } = gated(0.5);
      const url = server.serve('/tiny.gguf', content, (exchange) =>
        (exchange.count === 0 ? honest : behaviour)(exchange),
      );
      const { id } = await lamina.downloads.start({ reference: url, name: 'tiny' });
      await lamina.events.once('download.progress', {
        signal: AbortSignal.timeout(5000),
        where: ({ done }) => done > megabyte,
      });
      const waiting = lamina.downloads.wait(id);
      const paused = await lamina.downloads.pause(id);
      await assert.rejects(waiting, (error) => LaminaError.is(error, 'ABORTED'));
      assert.equal(paused.state, 'paused');
      assert.ok(paused.done > megabyte);
      const onDisk = rangesOnDisk(lamina.modelsDir, id);
      assert.ok(bytesOf(onDisk) > megabyte);
      const before = server.seen.length;
      server.serve('/tiny.gguf', content);
      await lamina.downloads.resume(id);
      await lamina.downloads.wait(id);
      assertNotRequestedAgain(server.seen.slice(before), onDisk);
      assert.equal(sha256Of(readFileSync(join(lamina.modelsDir, 'tiny/tiny.gguf'))), sha256Of(content));
    }));

  it('is resumed or started again while a pause or a cancel is still in progress', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(megabyte);
      const { behaviour, open } = gated(0.5);
      const url = server.serve('/tiny.gguf', content, (exchange) =>
        (exchange.count === 0 ? honest : behaviour)(exchange),
      );
      const request = { reference: url, name: 'tiny' };
      const { downloads, events } = lamina;
      const first = await downloads.start(request);
      await events.once('download.progress', { signal: AbortSignal.timeout(5000), where: ({ done }) => done > 1000 });
      const [paused, resumed] = await Promise.all([downloads.pause(first.id), downloads.resume(first.id)]);
      assert.equal(paused.state, 'paused');
      assert.match(resumed.state, /queued|active/);
      await assert.rejects(
        Promise.all([downloads.cancel(first.id), downloads.resume(first.id)]),
        (error) => LaminaError.is(error, 'CONFLICT') && /is already cancelled/.test(error.message),
      );
      const second = await downloads.start(request);
      const [cancelled, third] = await Promise.all([downloads.cancel(second.id), downloads.start(request)]);
      assert.equal(cancelled.state, 'cancelled');
      assert.notEqual(third.id, second.id);
      await Promise.all([
        downloads.cancel(third.id),
        downloads.remove(third.id),
        downloads.pause(third.id).catch((error: unknown) => assert.ok(LaminaError.is(error, 'CONFLICT'))),
      ]);
      open();
      await downloads.wait((await downloads.start(request)).id);
      assert.equal(sha256Of(readFileSync(join(lamina.modelsDir, 'tiny/tiny.gguf'))), sha256Of(content));
    }));

  it('leaves no files when it is cancelled or removed', () =>
    withDownloads(async ({ lamina, server }) => {
      const { behaviour } = gated(0.5);
      const url = server.serve('/tiny.gguf', ggufBytes(megabyte), (exchange) =>
        (exchange.count % 2 === 0 ? honest : behaviour)(exchange),
      );
      const first = await lamina.downloads.start({ reference: url, name: 'tiny' });
      assert.equal((await lamina.downloads.cancel(first.id)).state, 'cancelled');
      const second = await lamina.downloads.start({ reference: url, name: 'tiny' });
      await lamina.downloads.remove(second.id);
      assert.throws(
        () => lamina.downloads.get(second.id),
        (error) => LaminaError.is(error, 'DOWNLOAD_NOT_FOUND'),
      );
      assert.deepEqual(readdirSync(lamina.modelsDir), ['.downloads']);
      assert.deepEqual(readdirSync(join(lamina.modelsDir, '.downloads')), []);
    }));

  it('links a file that another model already has', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(megabyte);
      const sha256 = sha256Of(content);
      await fetched(lamina, { url: server.serve('/one.gguf', content), sha256 }, 'one');
      const before = server.requests('/two.gguf').length;
      await fetched(lamina, { url: server.serve('/two.gguf', content), sha256 }, 'two');
      assert.equal(server.requests('/two.gguf').length - before, 1, 'more was requested than size and name');
      const [one, two] = ['one/one.gguf', 'two/two.gguf'].map((path) => statSync(join(lamina.modelsDir, path)));
      assert.equal(one!.ino, two!.ino);
    }));

  it('does not overwrite a file', () =>
    withDownloads(
      async ({ lamina, server }) => {
        const url = server.serve('/tiny.gguf', ggufBytes(1000));
        await assert.rejects(fetched(lamina, url, 'mine'), (error) => LaminaError.is(error, 'CONFLICT'));
        assert.equal(readFileSync(join(lamina.modelsDir, 'mine/tiny.gguf'), 'utf8'), 'not a model');
      },
      { files: { 'mine/tiny.gguf': 'not a model' } },
    ));

  it('does not request a file whose path has another one of the same size, when its SHA-256 is known', () =>
    withDownloads(
      async ({ lamina, server }) => {
        const content = ggufBytes(1000);
        const url = server.serve('/tiny.gguf', content);
        await assert.rejects(fetched(lamina, { url, sha256: sha256Of(content) }, 'mine'), {
          code: 'CONFLICT',
          message: /mine\/tiny\.gguf already exists and will not be overwritten\. Move it away and try again\.$/,
        });
        assert.equal(server.seen.length, 1); // For the plan.
      },
      { files: { 'mine/tiny.gguf': Buffer.alloc(1000) } },
    ));

  it('refuses all requests for one model that cannot be stored, and leaves no download', () =>
    withDownloads(
      async ({ lamina, server }) => {
        const url = server.serve('/tiny.gguf', ggufBytes(1000));
        const starts = ['a', 'b', 'c'].map((query) =>
          lamina.downloads.start({ reference: `${url}?${query}`, name: 'mine' }),
        );
        for (const { status, reason } of (await Promise.allSettled(starts)) as PromiseRejectedResult[]) {
          assert.equal(status, 'rejected');
          assert.ok(LaminaError.is(reason, 'CONFLICT'), String(reason));
        }
        assert.deepEqual(lamina.downloads.list(), []);
      },
      { files: { 'mine/tiny.gguf': 'not a model' } },
    ));

  it('tries the sources of an entry in their order, and reports the error of the first', async () => {
    const requested: string[] = [];
    const source = (name: string, resolve: Source['resolve']): Source => ({
      name,
      resolve: (...args) => (requested.push(name), resolve(...args)),
      locate: () => Promise.reject(new Error('unused')),
    });
    const plugin = definePlugin({
      name: 'sources',
      setup(lamina) {
        lamina.addSource(
          source('beta', () => Promise.reject(new LaminaError('SOURCE_DENIED', { message: 'Beta wants a token.' }))),
        );
        lamina.addSource(source('alpha', () => Promise.resolve(undefined)));
      },
    });
    await withDownloads(
      async ({ lamina }) => {
        assert.deepEqual(lamina.downloads.downloadable(), [{ model: 'tiny', sources: { alpha: 'a', beta: 'b' } }]);
        await assert.rejects(lamina.downloads.start({ model: 'tiny' }), /Beta wants a token/);
        assert.deepEqual(requested, ['alpha', 'beta']);
        await assert.rejects(lamina.downloads.start({ model: 'tiny', source: 'gamma' }), (error) =>
          LaminaError.is(error, 'NOT_SUPPORTED'),
        );
        await assert.rejects(lamina.downloads.start({ model: 'nobody' }), (error) =>
          LaminaError.is(error, 'MODEL_NOT_FOUND'),
        );
      },
      {
        plugins: [plugin()],
        manifest: { models: { tiny: { path: 'tiny.gguf', download: { alpha: 'a', beta: 'b', gamma: 'c' } } } },
      },
    );
  });

  it('lets a plugin change the plan, and reject the files', async () => {
    const plugin = definePlugin({
      name: 'careful',
      setup(lamina) {
        lamina.hooks.planDownload.tap((plan) => ({
          ...plan,
          files: plan.files.map((file) => ({ ...file, path: 'renamed.gguf' })),
        }));
        lamina.hooks.verifyDownload.tap((_plan, [file]) => {
          const { file: path } = file!.from as { file: string };
          if (readFileSync(path).includes('evil'))
            throw new LaminaError('FORBIDDEN', { message: 'This file is evil.' });
        });
      },
    });
    await withDownloads(
      async ({ lamina, server }) => {
        await assert.rejects(
          fetched(lamina, server.serve('/tiny.gguf', Buffer.from('GGUF evil'))),
          /This file is evil/,
        );
        assert.ok(!existsSync(join(lamina.modelsDir, 'tiny')));
        await fetched(lamina, server.serve('/good.gguf', Buffer.from('GGUF good')), 'good');
        assert.deepEqual(readdirSync(join(lamina.modelsDir, 'good')), ['renamed.gguf']);
      },
      { plugins: [plugin()] },
    );
  });

  it('rejects a private address in a network request, unless the operator allows the host', async () => {
    const denied = (error: unknown) => LaminaError.is(error, 'FORBIDDEN');
    await withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', ggufBytes(1000));
      for (const reference of [
        url,
        url.replace('127.0.0.1', 'localhost'),
        url.replace('127.0.0.1', '[::ffff:127.0.0.1]'),
        'http://169.254.169.254/latest',
        '/etc/passwd',
      ]) {
        await assert.rejects(
          lamina.downloads.start({ reference, name: 'tiny' }, { guard: 'public' }),
          denied,
          reference,
        );
      }
      assert.equal(server.seen.length, 0);
    });
    await withDownloads(
      async ({ lamina, server }) => {
        const { id } = await lamina.downloads.start(
          { reference: server.serve('/tiny.gguf', ggufBytes(1000)), name: 'tiny' },
          { guard: 'public' },
        );
        await lamina.downloads.wait(id);
      },
      { downloads: { allowedHosts: ['127.0.0.1'] } },
    );
  });

  it('fails on a disk that is too small before it fetches a byte', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve(
        '/tiny.gguf',
        Buffer.alloc(0),
        ({ response }) =>
          void response.writeHead(206, { 'content-range': `bytes 0-0/${2 ** 50}`, 'content-length': 1 }).end('G'),
      );
      await assert.rejects(fetched(lamina, url), (error) => LaminaError.is(error, 'DISK_FULL'));
      assert.equal(server.seen.length, 1);
    }));

  it('leaves no socket, thread or timer', async () => {
    const assertNoLeaks = await watchForLeaks();
    await withDownloads(async ({ lamina, server }) => {
      await fetched(lamina, server.serve('/tiny.gguf', ggufBytes(megabyte)));
      const { behaviour } = gated(0.5);
      const url = server.serve('/other.gguf', ggufBytes(megabyte), (exchange) =>
        (exchange.count === 0 ? honest : behaviour)(exchange),
      );
      await lamina.downloads.start({ reference: url, name: 'other' });
      await lamina.events.once('download.progress', {
        signal: AbortSignal.timeout(5000),
        where: ({ done }) => done > 1000,
      });
    });
    await assertNoLeaks();
  });
});

describe('a download when its Lamina ends', () => {
  let folder: string;
  let server: HostileServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lamina-downloads-'));
    server = await HostileServer.open();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = () => createLamina({ modelsDir: folder, log: 'silent', downloads: impatient });

  it('is resumed by the next one, and stays paused when it was paused', async () => {
    const content = ggufBytes(9 * megabyte);
    const { behaviour } = gated(0.5);
    const [one, two] = ['/one.gguf', '/two.gguf'].map((path) =>
      server.serve(path, content, (exchange) => (exchange.count === 0 ? honest : behaviour)(exchange)),
    );
    const first = await open();
    const going = await first.downloads.start({ reference: one!, name: 'one' });
    const paused = await first.downloads.start({ reference: two!, name: 'two' });
    await first.events.once('download.progress', {
      signal: AbortSignal.timeout(5000),
      where: ({ download, done }) => download === going.id && done > megabyte,
    });
    await first.downloads.pause(paused.id);
    await first.close();
    for (const path of ['/one.gguf', '/two.gguf']) server.serve(path, content);
    const second = await open();
    try {
      await second.downloads.wait(going.id);
      assert.equal(second.models.get('one')?.available, true);
      assert.equal(second.downloads.get(paused.id).state, 'paused');
    } finally {
      await second.close();
    }
  });

  it('is recorded in the journal every second', async () => {
    const clock = new ManualClock();
    const { behaviour } = gated(0.5);
    const url = server.serve('/tiny.gguf', ggufBytes(megabyte), (exchange) =>
      (exchange.count === 0 ? honest : behaviour)(exchange),
    );
    const lamina = await createLamina({ modelsDir: folder, log: 'silent', clock });
    try {
      const { id } = await lamina.downloads.start({ reference: url, name: 'tiny' });
      while (lamina.downloads.get(id).done < megabyte / 2) await turn();
      assert.equal(rangesOnDisk(folder, id).length, 0);
      await clock.advance(1_000);
      while (rangesOnDisk(folder, id).length === 0) await turn();
      assert.deepEqual(rangesOnDisk(folder, id), [[0, megabyte / 2]]);
    } finally {
      await lamina.close();
    }
  });

  it('keeps what the journal recorded when the process is killed', async function () {
    this.timeout(40_000);
    const content = ggufBytes(12 * megabyte);
    const { behaviour } = gated(0.5);
    const url = server.serve('/tiny.gguf', content, (exchange) =>
      (exchange.count === 0 ? honest : behaviour)(exchange),
    );
    const downloading = new Downloading({
      modelsDir: folder,
      reference: url,
      downloads: { stallTimeout: 5, maxRetries: 100 },
    });
    let onDisk: readonly Range[] = [];
    await downloading.until(
      () =>
        downloading.done > 0 && (onDisk = rangesOnDisk(folder, readdirSync(join(folder, '.downloads'))[0]!)).length > 0,
    );
    await downloading.kill();
    const before = server.seen.length;
    server.serve('/tiny.gguf', content);
    const lamina = await open();
    try {
      const [job] = lamina.downloads.list();
      assert.ok(job!.done >= bytesOf(onDisk), `${job!.done} bytes were kept of ${bytesOf(onDisk)}`);
      await lamina.downloads.wait(job!.id);
      assert.equal(sha256Of(readFileSync(join(folder, 'tiny/tiny.gguf'))), sha256Of(content));
      assertNotRequestedAgain(server.seen.slice(before), onDisk);
    } finally {
      await lamina.close();
    }
  });

  it('survives a disk that fills up, and resumes when there is space', async function () {
    this.timeout(40_000);
    const content = ggufBytes(9 * megabyte);
    const url = server.serve('/tiny.gguf', content);
    const downloading = new Downloading(
      { modelsDir: folder, reference: url, downloads: impatient },
      { maxFileBytes: 3 * megabyte },
    );
    await downloading.until(() => false);
    const { ended } = downloading;
    assert.ok(ended?.ended === 'failed' && ended.error.code === 'DISK_FULL', JSON.stringify(ended));
    await downloading.close();
    assert.ok(!existsSync(join(folder, 'tiny')));
    const lamina = await open();
    try {
      const [job] = lamina.downloads.list();
      assert.ok(job!.state === 'failed' && job!.done > 0 && job!.done <= 3 * megabyte, JSON.stringify(job));
      await lamina.downloads.resume(job!.id);
      await lamina.downloads.wait(job!.id);
      assert.equal(sha256Of(readFileSync(join(folder, 'tiny/tiny.gguf'))), sha256Of(content));
    } finally {
      await lamina.close();
    }
  });

  it('does not write into a file that is linked to another model', async () => {
    const [old, fresh] = [ggufBytes(megabyte), ggufBytes(megabyte)];
    const { behaviour } = gated(0.5);
    const url = server.serve('/tiny.gguf', fresh, (exchange) => (exchange.count === 0 ? honest : behaviour)(exchange));
    const first = await open();
    const { id } = await first.downloads.start({ reference: url, name: 'tiny' });
    await first.close();
    mkdirSync(join(folder, 'other'));
    writeFileSync(join(folder, 'other/old.gguf'), old);
    rmSync(join(folder, '.downloads', id, '0.part'), { force: true });
    linkSync(join(folder, 'other/old.gguf'), join(folder, '.downloads', id, '0.part'));
    server.serve('/tiny.gguf', fresh);
    const second = await open();
    try {
      await second.downloads.wait(id);
      assert.equal(sha256Of(readFileSync(join(folder, 'other/old.gguf'))), sha256Of(old));
      assert.equal(sha256Of(readFileSync(join(folder, 'tiny/tiny.gguf'))), sha256Of(fresh));
    } finally {
      await second.close();
    }
  });
});
