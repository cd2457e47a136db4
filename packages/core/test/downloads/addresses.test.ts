// A download requested over the network never connects to a private address, in any notation, after a
// redirect, or when resumed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, LaminaError } from '@lamina/core';
import { definePlugin, type SourceContext } from '@lamina/core/plugin';
import { ggufBytes, HostileServer, halting, honest } from './hostile-server.js';
import { impatient, withDownloads } from './harness.js';

const isForbidden = (error: unknown) => LaminaError.is(error, 'FORBIDDEN');

/** A source whose plan needs one request, like those of the plugins; `redirect` is the option of fetch. */
function requestingSource(redirect: 'follow' | 'manual' | 'error' = 'follow') {
  const seen: { context?: SourceContext; answer?: { status: number; text: string; type: string | null; url: string } } =
    {};
  const plugin = definePlugin({
    name: 'requesting',
    setup: (lamina) =>
      lamina.addSource({
        name: 'requesting',
        async resolve(reference, context) {
          if (typeof reference !== 'object' || reference === null || !('request' in reference)) return undefined;
          seen.context = context;
          const response = await context.fetch(reference['request'] as string, {
            redirect,
            headers: { authorization: 'Bearer secret' },
            signal: context.signal,
          });
          seen.answer = {
            status: response.status,
            text: await response.text(),
            type: response.headers.get('content-type'),
            url: response.url,
          };
          return {
            source: 'requesting',
            reference,
            model: {},
            files: [{ path: 'tiny.gguf', from: { key: reference['request'] as string } }],
          };
        },
        locate: async (file, _plan, context) => {
          const { key } = file.from as { key: string };
          await (await context.fetch(key, { redirect })).body?.cancel();
          return { url: key };
        },
      }),
  });
  return { plugin: plugin(), seen };
}

describe('the addresses of a download', () => {
  const forms = [
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.1.',
    'localhost',
    'LOCALHOST',
    'localhost.',
    '0.0.0.0',
    '[::1]',
    '[::]',
    '[::ffff:127.0.0.1]',
    '[::127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '[::ffff:0:127.0.0.1]',
  ];
  for (const host of forms) {
    it(`must not be private, written as ${host}`, () =>
      withDownloads(async ({ lamina, server }) => {
        const url = server.serve('/tiny.gguf', ggufBytes(1000)).replace('127.0.0.1', host);
        const isRefused = (error: unknown) =>
          isForbidden(error) || (host === 'localhost.' && LaminaError.is(error, 'SOURCE_UNREACHABLE')); // Not every system resolves it.
        await assert.rejects(lamina.downloads.start({ reference: url, name: 'tiny' }, { guard: 'public' }), isRefused);
        assert.equal(server.seen.length, 0);
      }));
  }

  it('must not be private after a redirect', () =>
    withDownloads(
      async ({ lamina, server }) => {
        server.serve('/secret', ggufBytes(1000));
        const port = new URL(server.origin).port;
        for (const host of ['127.0.0.1', '[::ffff:7f00:1]', '10.0.0.1']) {
          const location = `http://${host}:${port}/secret`;
          server.serve(
            '/tiny.gguf',
            Buffer.alloc(0),
            ({ response }) => void response.writeHead(302, { location }).end(),
          );
          const reference = `http://localhost:${port}/tiny.gguf`;
          await assert.rejects(
            lamina.downloads.start({ reference, name: 'tiny' }, { guard: 'public' }),
            isForbidden,
            location,
          );
        }
        assert.deepEqual(server.requests('/secret'), []);
      },
      { downloads: { allowedHosts: ['localhost'] } },
    ));

  it('may be on this machine, and on no other, with the guard `loopback`', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', ggufBytes(1000));
      await assert.rejects(
        lamina.downloads.start({ reference: 'http://10.0.0.1/tiny.gguf' }, { guard: 'loopback' }),
        isForbidden,
      );
      const { id } = await lamina.downloads.start(
        { reference: url.replace('127.0.0.1', 'localhost'), name: 'tiny' },
        { guard: 'loopback' },
      );
      await lamina.downloads.wait(id);
    }));

  it('are guarded for a model of the manifest too, unless the process itself requests it', () =>
    withDownloads(async ({ lamina, server }) => {
      await lamina.models.save('tiny', {
        path: 'tiny/tiny.gguf',
        download: { url: server.serve('/tiny.gguf', ggufBytes(1000)) },
      });
      await assert.rejects(lamina.downloads.start({ model: 'tiny' }, { guard: 'public' }), isForbidden);
      assert.equal(server.seen.length, 0);
      await lamina.downloads.wait((await lamina.downloads.start({ model: 'tiny' })).id);
    }));

  it('may be those that the operator lists, with the default port or the listed one', () =>
    withDownloads(
      async ({ lamina, server }) => {
        const { id } = await lamina.downloads.start(
          { reference: server.serve('/tiny.gguf', ggufBytes(1000)), name: 'tiny' },
          { guard: 'public' },
        );
        await lamina.downloads.wait(id);
        const unused = lamina.downloads.start(
          { reference: 'http://127.0.0.3/tiny.gguf', name: 'other' },
          { guard: 'public' },
        );
        await unused.catch((error: unknown) => assert.ok(LaminaError.is(error, 'SOURCE_UNREACHABLE'), String(error)));
      },
      { downloads: { allowedHosts: ['127.0.0.1', '127.0.0.3:80'] } },
    ));

  for (const redirect of ['follow', 'manual', 'error'] as const) {
    it(`are guarded for requests of a source with redirect: '${redirect}'`, async () => {
      const { plugin, seen } = requestingSource(redirect);
      await withDownloads(
        async ({ lamina, server }) => {
          server.serve('/secret', ggufBytes(1000));
          const allowed = server.origin.replace('127.0.0.1', 'localhost');
          const startDownload = (path: string, origin = allowed) =>
            lamina.downloads.start({ reference: { request: `${origin}${path}` } }, { guard: 'public' });
          await assert.rejects(startDownload('/secret', server.origin), isForbidden);
          server.serve(
            '/moved',
            Buffer.alloc(0),
            ({ response }) => void response.writeHead(302, { location: `${server.origin}/secret` }).end(),
          );
          const moved = startDownload('/moved');
          if (redirect === 'follow') await assert.rejects(moved, isForbidden);
          if (redirect === 'error')
            await assert.rejects(
              moved,
              (error) => LaminaError.is(error, 'PLUGIN_FAILED') && /fetch failed/.test(error.message),
            );
          if (redirect === 'manual') await moved.then(() => assert.equal(seen.answer!.status, 302));
          assert.deepEqual(server.requests('/secret'), []);
        },
        { plugins: [plugin], downloads: { allowedHosts: ['localhost'] } },
      );
    });
  }

  it('allow a source to read an allowed response, and keep its secrets from other hosts', async () => {
    const { plugin, seen } = requestingSource();
    const other = await HostileServer.open();
    await withDownloads(
      async ({ lamina, server }) => {
        const text = 'GGUF tiny';
        const target = other.serve(
          '/there',
          Buffer.from(text),
          (exchange) => void exchange.response.writeHead(200, { 'content-type': 'text/x-test' }).end(exchange.content),
        );
        const request = server.serve(
          '/moved',
          Buffer.alloc(0),
          ({ response }) => void response.writeHead(302, { location: target }).end(),
        );
        const { id } = await lamina.downloads.start({ reference: { request } }, { guard: 'loopback' });
        await lamina.downloads.wait(id);
        assert.deepEqual(seen.answer, { status: 200, text, type: 'text/x-test', url: target });
        assert.deepEqual([seen.context!.guard, seen.context!.remote], ['loopback', true]);
        assert.equal(server.seen[0]!.headers.authorization, 'Bearer secret');
        assert.ok(other.seen.every(({ headers }) => headers.authorization === undefined));
      },
      { plugins: [plugin] },
    ).finally(() => other.close());
  });
});

describe('the addresses of a download that the next Lamina resumes', () => {
  let folder: string;
  let server: HostileServer;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lamina-addresses-'));
    server = await HostileServer.open();
  });
  afterEach(async () => {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (allowedHosts: string[]) =>
    createLamina({ modelsDir: folder, log: 'silent', downloads: { ...impatient, stallTimeout: 20, allowedHosts } });
  /** Starts a download and closes its Lamina in the middle; `change` may rewrite the journal. */
  const startAndInterrupt = async (
    guard: 'public' | undefined,
    change: (journal: Record<string, unknown>) => void = () => undefined,
  ) => {
    const url = server.serve('/tiny.gguf', ggufBytes(100_000), (exchange) =>
      (exchange.count === 0 ? honest : halting(0.5))(exchange),
    );
    const lamina = await open(['127.0.0.1']);
    const { id } = await lamina.downloads.start({ reference: url, name: 'tiny' }, guard === undefined ? {} : { guard });
    await lamina.close();
    const path = join(folder, '.downloads', id, 'journal.json');
    const journal = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    change(journal);
    writeFileSync(path, JSON.stringify(journal));
    server.serve('/tiny.gguf', ggufBytes(100_000));
    return id;
  };
  const resumeAndWait = async (id: string) => {
    const lamina = await open([]);
    try {
      await lamina.downloads.wait(id);
    } finally {
      await lamina.close();
    }
  };

  it('are guarded when a network request started it', async () =>
    assert.rejects(resumeAndWait(await startAndInterrupt('public')), isForbidden));
  it('are not guarded when the process itself started it', async () =>
    assert.doesNotReject(resumeAndWait(await startAndInterrupt(undefined))));
  it('are guarded as the journal of an earlier version recorded it', async () => {
    const earlier = (remote: boolean) => (journal: Record<string, unknown>) => {
      delete journal['guard'];
      journal['remote'] = remote;
    };
    await assert.rejects(resumeAndWait(await startAndInterrupt('public', earlier(true))), isForbidden);
    rmSync(join(folder, '.downloads'), { recursive: true });
    await resumeAndWait(await startAndInterrupt(undefined, earlier(false)));
    assert.deepEqual(readdirSync(join(folder, '.downloads')), []);
  });
});

describe('the addresses of a download behind a proxy', () => {
  let proxy: Server;
  let connectTargets: string[];
  beforeEach(async () => {
    connectTargets = [];
    proxy = createServer();
    proxy.on('connect', ({ url }, socket) => {
      connectTargets.push(url!);
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.once('data', () =>
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nGGUF tiny'),
      );
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(() => void proxy.close());

  const behind = (run: (start: (url: string) => Promise<unknown>) => Promise<void>, allowedHosts: string[] = []) =>
    withDownloads(
      async ({ lamina }) =>
        run(async (url) => {
          const { id } = await lamina.downloads.start({ reference: url, name: 'tiny' }, { guard: 'public' });
          return lamina.downloads.wait(id);
        }),
      { env: { HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` }, downloads: { allowedHosts } },
    );

  it('must not be private, and the proxy is not asked for them', () =>
    behind(async (start) => {
      // This machine's own name resolves to a private address, or cannot be resolved.
      for (const host of ['10.0.0.1', '[::ffff:10.0.0.1]', 'localhost', '169.254.169.254', hostname()])
        await assert.rejects(start(`http://${host}/tiny.gguf`), isForbidden, host);
      assert.deepEqual(connectTargets, []);
    }));

  it('may be public', () =>
    behind(async (start) => {
      await start('http://93.184.215.14/tiny.gguf');
      assert.deepEqual(new Set(connectTargets), new Set(['93.184.215.14:80']));
    }));

  it('must be resolvable on this machine, unless the operator lists them', async () => {
    const isUnresolved = (error: unknown) =>
      LaminaError.is(error, 'FORBIDDEN') && /cannot be resolved on this machine/.test(error.message);
    await behind((start) => assert.rejects(start('http://models.invalid/tiny.gguf'), isUnresolved));
    assert.deepEqual(connectTargets, []);
    await behind(async (start) => void (await start('http://models.invalid/tiny.gguf')), ['models.invalid']);
    assert.ok(connectTargets.length > 0);
  });
});
