// Every wrong way a server can send a file ends in the right bytes or a clear error, never in a wrong file
// under the final name.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LaminaError, type ErrorCode } from '@lamina/core';
import type { TestLamina } from '@lamina/testing';
import {
  dropping,
  etagOf,
  ggufBytes,
  head,
  honest,
  sha256Of,
  trickling,
  withoutRanges,
  HostileServer,
  type Behaviour,
} from './hostile-server.js';
import { Downloading } from './downloading.js';
import { fetched, impatient, withDownloads } from './harness.js';
import { RawServer, type Answering } from './raw-server.js';
import { certificate } from './test-certificate.js';

const megabyte = 1024 * 1024;

function fileOf(lamina: TestLamina, name = 'tiny', file = 'tiny.gguf'): string {
  return join(lamina.modelsDir, name, file);
}

function assertFile(lamina: TestLamina, content: Buffer): void {
  assert.equal(sha256Of(readFileSync(fileOf(lamina))), sha256Of(content));
}

async function assertFails(
  lamina: TestLamina,
  work: Promise<unknown>,
  code: ErrorCode,
  message: RegExp,
): Promise<void> {
  await assert.rejects(work, (error) => {
    assert.ok(LaminaError.is(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
  assert.ok(!existsSync(fileOf(lamina)), 'a file exists under the final name');
}

describe('downloads from a hostile server', () => {
  it('starts a file over when it changes on the server, and never mixes versions', () =>
    withDownloads(async ({ lamina, server }) => {
      const [before, after] = [ggufBytes(9 * megabyte), ggufBytes(9 * megabyte)];
      const url = server.serve('/tiny.gguf', before, (exchange) =>
        exchange.count < 3 ? dropping(2 * megabyte)(exchange) : honest({ ...exchange, content: after }),
      );
      await fetched(lamina, url);
      assertFile(lamina, after);
    }));

  it('starts over after a cut when nothing identifies the version', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(3 * megabyte);
      const url = server.serve('/tiny.gguf', content, (exchange) => {
        const body = exchange.content.subarray(exchange.from);
        exchange.response.writeHead(206, {
          'content-range': `bytes ${exchange.from}-${exchange.content.length - 1}/${exchange.content.length}`,
          'content-length': body.length,
        });
        if (exchange.count === 1)
          exchange.response.write(body.subarray(0, megabyte), () => exchange.response.destroy());
        else exchange.response.end(body);
      });
      await fetched(lamina, url);
      assertFile(lamina, content);
      assert.ok(server.seen.every(({ headers }) => /^bytes=0-/.test(headers.range!)));
    }));

  it('fetches a slow end over another connection, because it would take minutes', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(12 * megabyte);
      const url = server.serve('/tiny.gguf', content, (exchange) =>
        exchange.count === 2 ? trickling(1000, 20)(exchange) : honest(exchange),
      );
      await fetched(lamina, { url, sha256: sha256Of(content) });
      assertFile(lamina, content);
      const ranges = server.seen.map(({ headers }) => /^bytes=(\d+)-(\d+)$/.exec(headers.range!) ?? []);
      assert.ok(
        ranges.every(([, from, to]) => Number(from) <= Number(to)),
        ranges.join(),
      );
    }));

  it('requests a new address when a signed one expires', async () => {
    const cdn = await HostileServer.open();
    try {
      await withDownloads(async ({ lamina, server }) => {
        const content = ggufBytes(9 * megabyte);
        let signature = 0;
        const uses = new Map<string, number>();
        cdn.serve('/signed', content, (exchange) => {
          const { url, headers } = exchange.request;
          const used = (uses.get(url!) ?? 0) + 1;
          uses.set(url!, used);
          if (used > 2 || headers.authorization !== undefined) return void exchange.response.writeHead(403).end();
          honest(exchange);
        });
        const url = server.serve('/tiny.gguf', content, ({ response }) => {
          signature += 1;
          response.writeHead(302, { location: `${cdn.origin}/signed?n=${signature}` }).end();
        });
        await fetched(lamina, { url, sha256: sha256Of(content) });
        assertFile(lamina, content);
        assert.ok(signature > 1);
      });
    } finally {
      await cdn.close();
    }
  });

  it('requests identity and never a compressed file', () =>
    withDownloads(async ({ lamina, server }) => {
      await fetched(lamina, server.serve('/tiny.gguf', ggufBytes(1000)));
      assert.ok(
        server.seen.length > 0 && server.seen.every(({ headers }) => headers['accept-encoding'] === 'identity'),
      );
    }));

  it('rejects a compressed response', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve(
        '/tiny.gguf',
        ggufBytes(1000),
        ({ response, content }) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content)),
      );
      await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /compressed/);
    }));

  it('accepts the encoding "identity", in any case', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(1000);
      const url = server.serve(
        '/tiny.gguf',
        content,
        ({ response }) => void response.writeHead(200, { 'content-encoding': 'Identity' }).end(content),
      );
      await fetched(lamina, url);
      assertFile(lamina, content);
    }));

  it('rejects a web page, by its type and by its content', () =>
    withDownloads(async ({ lamina, server }) => {
      const page = Buffer.from('<!doctype html><title>Log in</title>');
      const typed = server.serve(
        '/tiny.gguf',
        page,
        ({ response, content }) =>
          void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(content),
      );
      await assertFails(lamina, fetched(lamina, typed), 'SOURCE_UNREACHABLE', /web page/);
      await assertFails(
        lamina,
        fetched(lamina, server.serve('/tiny.gguf', page)),
        'SOURCE_UNREACHABLE',
        /not a GGUF file/,
      );
    }));

  it('keeps a file with a wrong SHA-256 aside, reports it, and fetches it again when resumed', () =>
    withDownloads(async ({ lamina, server }) => {
      const [wrong, right] = [ggufBytes(2 * megabyte), ggufBytes(2 * megabyte)];
      const url = server.serve('/tiny.gguf', wrong);
      const { id } = await lamina.downloads.start({ reference: { url, sha256: sha256Of(right) }, name: 'tiny' });
      await assertFails(lamina, lamina.downloads.wait(id), 'DIGEST_MISMATCH', new RegExp(sha256Of(right)));
      const kept = lamina.downloads.get(id).error!.details!['kept'] as string;
      assert.match(kept, /tiny\.gguf\.corrupt$/);
      assert.equal(sha256Of(readFileSync(kept)), sha256Of(wrong));
      server.serve('/tiny.gguf', right);
      await lamina.downloads.resume(id);
      await lamina.downloads.wait(id);
      assertFile(lamina, right);
    }));

  for (const [status, code, message] of [
    [401, 'SOURCE_DENIED', /access is denied/],
    [403, 'SOURCE_DENIED', /access is denied/],
    [404, 'SOURCE_UNREACHABLE', /the file does not exist/],
    [410, 'SOURCE_UNREACHABLE', /the file does not exist/],
    [451, 'SOURCE_UNREACHABLE', /451/],
  ] as const) {
    it(`does not retry after ${status}`, () =>
      withDownloads(async ({ lamina, server }) => {
        const content = ggufBytes(1000);
        const url = server.serve('/tiny.gguf', content, (exchange) =>
          exchange.count === 0 ? honest(exchange) : void exchange.response.writeHead(status).end(),
        );
        await assertFails(lamina, fetched(lamina, url), code, message);
        assert.equal(server.seen.length, 2);
      }));
  }

  it('fails with a message on a server that only fails', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', ggufBytes(1000), (exchange) =>
        exchange.count === 0 ? honest(exchange) : void exchange.response.writeHead(500).end(),
      );
      await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /status 500/);
      assert.equal(server.seen.length, 2 + impatient.maxRetries);
    }));

  it('fails on a server that always cuts a file that cannot be resumed', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', ggufBytes(3 * megabyte), (exchange) =>
        exchange.count === 0 ? withoutRanges(exchange) : dropping(2 * megabyte, withoutRanges)(exchange),
      );
      await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /Try again later/);
    }));

  it('fails on a server that never sends a byte', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', ggufBytes(1000), (exchange) =>
        exchange.count === 0 ? honest(exchange) : void head(exchange),
      );
      await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /stopped sending tiny\.gguf/);
    }));

  it('does not follow a redirect loop, nor a redirect to another scheme', () =>
    withDownloads(async ({ lamina, server }) => {
      const circle = server.serve(
        '/tiny.gguf',
        Buffer.alloc(0),
        ({ response }) => void response.writeHead(302, { location: '/tiny.gguf' }).end(),
      );
      await assertFails(lamina, fetched(lamina, circle), 'SOURCE_UNREACHABLE', /redirects more than 10 times/);
      const file = server.serve(
        '/tiny.gguf',
        Buffer.alloc(0),
        ({ response }) => void response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
      );
      await assertFails(lamina, fetched(lamina, file), 'SOURCE_UNREACHABLE', /unsupported URL/);
    }));

  it('distinguishes versions by a strong ETag only', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(2 * megabyte);
      const url = server.serve('/tiny.gguf', content, (exchange) => {
        const body = head(exchange, { etag: `W/${etagOf(content)}` });
        if (body === undefined) return;
        if (exchange.count === 1)
          exchange.response.write(content.subarray(body.from, megabyte), () => exchange.response.destroy());
        else exchange.response.end(content.subarray(body.from, body.to));
      });
      await fetched(lamina, url);
      assertFile(lamina, content);
      assert.ok(
        server.seen.every(({ headers }) => headers['if-range'] === undefined && /^bytes=0-/.test(headers.range!)),
      );
    }));
});

describe('sizes that contradict each other', () => {
  const content = ggufBytes(5000);
  /** Announces 1,000 bytes to the plan, then responds as `behaviour` does. */
  const announcing =
    (behaviour: Behaviour): Behaviour =>
    (exchange) => {
      if (exchange.count > 0) return behaviour(exchange);
      exchange.response.writeHead(206, { 'content-range': 'bytes 0-0/1000', 'content-length': 1 }).end('G');
    };
  const answer =
    (status: number, headers: Record<string, string | number>, body: Buffer): Behaviour =>
    ({ response }) =>
      void response.writeHead(status, headers).end(body);
  const etag = { etag: '"one"' };
  const contradictions: Readonly<Record<string, Behaviour>> = {
    'more bytes than announced, in a response without a length': answer(200, {}, content),
    'more bytes than announced, in a response with a length': answer(200, { 'content-length': 5000 }, content),
    'fewer bytes than announced': ({ response }) => {
      response.writeHead(200);
      response.end(content.subarray(0, 400));
    },
    'a range of a longer file': answer(
      206,
      { 'content-range': 'bytes 0-999/5000', 'content-length': 1000 },
      content.subarray(0, 1000),
    ),
    'a range with more bytes than it has': answer(206, { 'content-range': 'bytes 0-999/1000' }, content),
    'a range with another length': answer(
      206,
      { 'content-range': 'bytes 0-999/1000', 'content-length': 5000 },
      content,
    ),
    'a range that ends after the file': answer(
      206,
      { ...etag, 'content-range': 'bytes 0-4999/1000', 'content-length': 5000 },
      content,
    ),
    'ranges without a byte': answer(
      206,
      { ...etag, 'content-range': 'bytes 0-999/1000', 'transfer-encoding': 'chunked' },
      Buffer.alloc(0),
    ),
    'an announced end before the end of the file': (exchange) => {
      const { response, from } = exchange;
      if (from > 0) return void response.writeHead(416, { 'content-range': `bytes */${from}` }).end();
      response
        .writeHead(206, { ...etag, 'content-range': 'bytes 0-399/1000', 'content-length': 400 })
        .end(content.subarray(0, 400));
    },
  };
  for (const [what, behaviour] of Object.entries(contradictions)) {
    it(`never make a finished model: ${what}`, () =>
      withDownloads(async ({ lamina, server }) => {
        const url = server.serve('/tiny.gguf', content, announcing(behaviour));
        await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /tiny\.gguf/);
        assert.equal(lamina.models.get('tiny'), undefined);
        assert.deepEqual(
          lamina.downloads.list().map(({ state }) => state),
          ['failed'],
        );
      }));
  }

  it('are not resolved by a server that ends the file earlier than it announced', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', content, ({ count, from, response }) => {
        if (count === 0) return void response.writeHead(503).end();
        if (from > 0) return void response.writeHead(416, { 'content-range': `bytes */${from}` }).end();
        response
          .writeHead(206, { ...etag, 'content-range': 'bytes 0-399/1000', 'content-length': 400 })
          .end(content.subarray(0, 400));
      });
      await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /tiny\.gguf ends after 400 bytes/);
    }));

  it('start the file over while no plan has announced a size', () =>
    withDownloads(async ({ lamina, server }) => {
      const url = server.serve('/tiny.gguf', content, (exchange) => {
        const { count, response } = exchange;
        if (count === 0) return void response.writeHead(503).end();
        if (count > 1) return void response.writeHead(200).end(content);
        response
          .writeHead(206, { 'content-range': 'bytes 0-999/1000', 'content-length': 1000 })
          .write(content.subarray(0, 100), () => response.destroy());
      });
      await fetched(lamina, url);
      assertFile(lamina, content);
      assert.equal(lamina.downloads.list()[0]!.total, content.length);
    }));
});

describe('connections of downloads', () => {
  it('are reused for later pieces', () =>
    withDownloads(async ({ lamina, server }) => {
      const content = ggufBytes(40 * megabyte);
      await fetched(lamina, server.serve('/tiny.gguf', content));
      assertFile(lamina, content);
      // The first two requests, for one byte and without an end, may close theirs.
      assert.ok(server.connections <= 4 + 2, `${server.connections} connections for ${server.seen.length} requests`);
      assert.ok(server.seen.length > server.connections);
    }));

  for (const [when, head] of [
    ['before the response', ''],
    ['in the headers of the response', 'HTTP/1.1 206 Partial Content\r\ncontent-'],
    ['in the body of the response', 'HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nGGUF'],
  ] as const) {
    it(`are closed at once when the download is cancelled ${when}`, async () => {
      let onTransfer: () => void = () => undefined;
      const transferring = new Promise<void>((resolve) => (onTransfer = resolve));
      const answering: Answering = (socket, _request, count) => {
        if (count === 0) return void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n');
        socket.write(head, onTransfer);
      };
      await withRawServer(answering, async (lamina, server) => {
        const { id } = await lamina.downloads.start({ reference: server.url, name: 'tiny' });
        await transferring;
        await lamina.downloads.cancel(id);
        await server.untilNoConnection();
      });
    });
  }

  it('are refused to a server with a self-signed certificate', async () => {
    const server = await HostileServer.open(certificate);
    try {
      await withDownloads(async ({ lamina }) => {
        const url = server.serve('/tiny.gguf', ggufBytes(1000));
        await assertFails(lamina, fetched(lamina, url), 'SOURCE_UNREACHABLE', /self-signed certificate/);
        assert.deepEqual(server.seen, []);
      });
    } finally {
      await server.close();
    }
  });

  it('are secure where the certificate is trusted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lamina-tls-'));
    const server = await HostileServer.open(certificate);
    const content = ggufBytes(6 * megabyte);
    const reference = server.serve('/tiny.gguf', content);
    writeFileSync(join(folder, 'cert.pem'), certificate.cert);
    const env = { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') };
    const downloading = new Downloading({ modelsDir: folder, reference, downloads: impatient }, { env });
    try {
      await downloading.until(() => false);
      assert.deepEqual(downloading.ended, { ended: 'finished' });
      assert.equal(sha256Of(readFileSync(join(folder, 'tiny/tiny.gguf'))), sha256Of(content));
    } finally {
      await downloading.kill();
      await server.close();
      rmSync(folder, { recursive: true });
    }
  });

  for (const scheme of ['http://', '']) {
    it(`go through the proxy of the environment${scheme === '' ? ', written without a scheme' : ''}`, async () => {
      const hosts = new Set<string>();
      const proxy = createServer();
      proxy.on('connect', ({ url }, socket) => {
        hosts.add(url!);
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nGGUF tiny'));
      });
      await once(proxy.listen(0, '127.0.0.1'), 'listening');
      const env = { HTTP_PROXY: `${scheme}127.0.0.1:${(proxy.address() as AddressInfo).port}` };
      await withDownloads(
        async ({ lamina }) => {
          await fetched(lamina, 'http://models.invalid/tiny.gguf');
          assertFile(lamina, Buffer.from('GGUF tiny'));
        },
        { env },
      ).finally(() => proxy.close());
      assert.deepEqual([...hosts], ['models.invalid:80']);
    });
  }

  it('fail with a message that hides the password when the proxy is not a valid URL', () =>
    withDownloads(
      async ({ lamina }) => {
        await assert.rejects(fetched(lamina, 'http://models.invalid/tiny.gguf'), (error: Error) => {
          assert.match(error.message, /HTTPS_PROXY is not a valid URL\. Write it as http:\/\/host:port/);
          return !error.message.includes('secret');
        });
      },
      { env: { https_proxy: 'user:secret@:x' } },
    ));
});

describe('responses that break HTTP/1.1', () => {
  const ok = 'HTTP/1.1 200 OK\r\n';
  const responses: Readonly<Record<string, string>> = {
    'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n',
    'HTTP/2': 'HTTP/2 200\r\n\r\n',
    'a switch of protocols': 'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n',
    'a line that is not a header': `${ok}no header\r\n\r\n`,
    'a space before a colon': `${ok}content-length : 5\r\n\r\nGGUFx`,
    'a bare CR in a header': `${ok}a: b\rc: d\r\n\r\n`,
    'more than 64 KiB of headers': `${ok}${'x: y\r\n'.repeat(20_000)}\r\n`,
    'two lengths': `${ok}content-length: 5\r\ncontent-length: 6\r\n\r\nGGUFx`,
    'a negative length': `${ok}content-length: -5\r\n\r\nGGUFx`,
    'a length and chunks': `${ok}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    'a chunk without a size': `${ok}transfer-encoding: chunked\r\n\r\nxyz\r\n`,
    'a chunk longer than its size': `${ok}transfer-encoding: chunked\r\n\r\n2\r\nGGUFx\r\n0\r\n\r\n`,
    'an end in the headers': `${ok}content-le`,
    'an end before the length': `${ok}content-length: 6\r\n\r\nGGUFx`,
    'an end before the last chunk': `${ok}transfer-encoding: chunked\r\n\r\n5\r\nGGUFx\r\n`,
    'an end in the trailers': `${ok}transfer-encoding: chunked\r\n\r\n5\r\nGGUFx\r\n0\r\nx: y\r\n`,
  };
  for (const [what, response] of Object.entries(responses)) {
    it(`never make a finished model: ${what}`, () =>
      withRawServer(
        (socket) => void socket.end(response, 'latin1'),
        (lamina, server) => assertFails(lamina, fetched(lamina, server.url), 'SOURCE_UNREACHABLE', /\.$/),
      ));
  }
});

async function withRawServer(
  answering: Answering,
  run: (lamina: TestLamina, server: RawServer) => Promise<void>,
): Promise<void> {
  const server = await RawServer.open(answering);
  await withDownloads(({ lamina }) => run(lamina, server)).finally(() => server.close());
}
