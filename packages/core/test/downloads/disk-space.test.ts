// Downloads on a disk that fills up: the reserve is never used, and the space of useless bytes is freed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statfsSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, LaminaError, type Lamina } from '@lamina/core';
import { etagOf, ggufBytes, HostileServer, honest, sha256Of, type Behaviour } from './hostile-server.js';
import { impatient } from './harness.js';

const mebibyte = 1024 * 1024;
const diskBytes = 64 * mebibyte;
/** 5 % of the disk. */
const reserve = 0.05 * diskBytes;

const isFull = (error: unknown) => LaminaError.is(error, 'DISK_FULL') && /reserve|more is needed/.test(error.message);

/** Sends bytes for as long as the client reads them, without a length or a version. */
const endless: Behaviour = ({ count, response }) => {
  if (count === 0) return void response.writeHead(503).end();
  response.writeHead(200);
  const chunk = ggufBytes(mebibyte);
  const send = () => {
    while (response.writable && response.write(chunk));
  };
  response.on('drain', send);
  send();
};

/** The disk space of the files below a directory: a part file that is written in several places is sparse. */
function bytesIn(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (sum, { parentPath, name }) =>
        sum + 512 * (statSync(join(parentPath, name), { throwIfNoEntry: false })?.blocks ?? 0),
      0,
    );
}

/** Runs the rules on a disk; `free` measures its free space. */
function defineRules(disk: () => { readonly directory: string; free(): number }): void {
  let server: HostileServer;
  let lamina: Lamina;
  let minFree: number;
  beforeEach(async () => {
    server = await HostileServer.open();
    lamina = await createLamina({
      modelsDir: join(disk().directory, 'models'),
      log: 'silent',
      downloads: { ...impatient, stallTimeout: 20, connectionsPerFile: 4 },
    });
    minFree = Infinity;
    lamina.events.on('download.progress', () => (minFree = Math.min(minFree, disk().free())));
  });
  afterEach(async () => {
    await lamina.close();
    await server.close();
    for (const name of readdirSync(disk().directory)) rmSync(join(disk().directory, name), { recursive: true });
  });
  const start = async (behaviour: Behaviour, content: Buffer) =>
    (await lamina.downloads.start({ reference: server.serve('/tiny.gguf', content, behaviour), name: 'tiny' })).id;

  it('fails a body of unknown length before the reserve is used, and deletes its bytes', async () => {
    const before = disk().free();
    const id = await start(endless, Buffer.alloc(0));
    await assert.rejects(lamina.downloads.wait(id), isFull);
    assert.ok(minFree >= reserve, `${minFree} of ${reserve} bytes were free`);
    assert.ok(disk().free() > before - mebibyte, `${disk().free()} of ${before} bytes are free`);
    assert.equal(lamina.downloads.get(id).state, 'failed');
  });

  it('fails a file of known length when others fill the disk, keeps what can be resumed, and resumes when there is space', async () => {
    const content = ggufBytes(24 * mebibyte);
    const other = join(disk().directory, 'other');
    const id = await start((exchange) => {
      if (exchange.count === 1) writeFileSync(other, Buffer.alloc(disk().free() - reserve - 8 * mebibyte));
      honest(exchange);
    }, content);
    await assert.rejects(lamina.downloads.wait(id), isFull);
    assert.ok(disk().free() >= reserve, `${disk().free()} of ${reserve} bytes are free`);
    assert.ok(lamina.downloads.get(id).done > 0);
    truncateSync(other);
    await lamina.downloads.resume(id);
    await lamina.downloads.wait(id);
    const first = server.seen.at(-1)!;
    assert.equal(first.headers['if-range'], etagOf(content));
    assert.equal(sha256Of(await fs.readFile(join(disk().directory, 'models/tiny/tiny.gguf'))), sha256Of(content));
  });

  it('is refused when it would leave less than the reserve', async () => {
    const announced = Math.ceil(disk().free() - reserve / 2);
    const url = server.serve(
      '/tiny.gguf',
      Buffer.alloc(0),
      ({ response }) =>
        void response.writeHead(206, { 'content-range': `bytes 0-0/${announced}`, 'content-length': 1 }).end('G'),
    );
    await assert.rejects(lamina.downloads.start({ reference: url, name: 'tiny' }), isFull);
    assert.equal(server.seen.length, 1);
    assert.deepEqual(lamina.downloads.list(), []);
  });
}

describe('a download on a small disk', function () {
  this.timeout(60_000);
  let directory: string;
  const { statfs } = fs;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lamina-disk-'));
    // The disk is the folder: only the files in it use space.
    const small = () => Promise.resolve({ bsize: 1, blocks: diskBytes, bavail: diskBytes - bytesIn(directory) });
    Object.assign(fs, { statfs: small });
    syncBuiltinESMExports();
  });
  after(() => {
    Object.assign(fs, { statfs });
    syncBuiltinESMExports();
    rmSync(directory, { recursive: true });
  });
  defineRules(() => ({ directory, free: () => diskBytes - bytesIn(directory) }));
});

describe('a download on a small file system', function () {
  this.timeout(60_000);
  let directory: string;
  let mounted = false;
  before(function () {
    directory = mkdtempSync(join(tmpdir(), 'lamina-tmpfs-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'none', directory], { stdio: 'pipe' });
      mounted = true;
    } catch {
      this.test!.parent!.title += ' (skipped: this user may not mount a tmpfs)';
      this.skip();
    }
  });
  after(() => {
    if (mounted) execFileSync('umount', [directory]);
    rmSync(directory, { recursive: true, force: true });
  });
  const free = () => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  defineRules(() => ({ directory, free }));
});
