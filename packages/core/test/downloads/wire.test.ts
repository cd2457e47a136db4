// The client that transfers are made with: what it makes of an answer, what it refuses, and what becomes of its
// connections.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Reply } from '../../dist/downloads/transfer/body.js';
import { HttpClient } from '../../dist/downloads/transfer/http.js';
import { DirectClient } from '../../dist/downloads/transfer/wire/direct-client.js';
import { RawServer, type Answering } from './raw-server.js';
import { certificate } from './test-certificate.js';

const run = promisify(execFile);
const never = new AbortController().signal;
const mebibyte = 1024 * 1024;

interface Wire {
  readonly server: RawServer;
  readonly client: DirectClient;
  get(signal?: AbortSignal): Promise<Reply>;
}

/** Runs `work` with a client and a server that answers so. */
async function withWire(answering: Answering | string, work: (wire: Wire) => Promise<void>): Promise<void> {
  const server = await RawServer.open(
    typeof answering === 'string' ? (socket) => void socket.end(answering, 'latin1') : answering,
  );
  const client = new DirectClient();
  try {
    await work({ server, client, get: (signal = never) => client.get(server.url, {}, undefined, signal) });
  } finally {
    await client.close();
    await server.close();
  }
}

async function textOf({ body }: Reply): Promise<string> {
  let text = '';
  for await (const chunk of body) text += Buffer.from(chunk).toString('latin1');
  return text;
}

const ok = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';

describe('a request on the wire', () => {
  it('names the path, the host and the headers it is given', () =>
    withWire(ok, async ({ server, client }) => {
      await textOf(await client.get(server.url, { range: 'bytes=0-4' }, undefined, never));
      assert.deepEqual(server.requests, [
        `GET /file?part=1 HTTP/1.1\r\nhost: ${server.url.host}\r\nrange: bytes=0-4\r\n\r\n`,
      ]);
    }));

  it('is not made with a header that would be two', () =>
    withWire(ok, async ({ server, client }) => {
      await assert.rejects(
        client.get(server.url, { range: 'bytes=0-4\r\nx: y' }, undefined, never),
        /Invalid character in header content/,
      );
      assert.equal(server.connections, 0);
    }));

  it('goes to no private address when that is not wanted, whatever its name', () =>
    withWire(ok, async ({ server, client }) => {
      await assert.rejects(
        client.get(new URL(`http://localhost:${server.url.port}/`), {}, 'public', never),
        /localhost is an address of a private network/,
      );
      assert.equal(server.connections, 0);
    }));

  it('says why no connection comes about', async () => {
    const server = await RawServer.open(() => undefined);
    const { url } = server;
    await server.close();
    const client = new DirectClient();
    await assert.rejects(client.get(url, {}, undefined, never), /ECONNREFUSED/);
    await client.close();
  });

  for (const scheme of ['http://', '']) {
    it(`goes through the proxy that the environment names${scheme === '' ? ', without a scheme too' : ''}`, async () => {
      const proxy = createServer();
      proxy.on('connect', ({ url }, socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${url}`));
      });
      proxy.listen(0, '127.0.0.1');
      await once(proxy, 'listening');
      const http = new HttpClient({ HTTP_PROXY: `${scheme}127.0.0.1:${(proxy.address() as AddressInfo).port}` }, []);
      try {
        assert.equal(
          await textOf(await http.get({ url: 'http://models.invalid/file' }, { signal: never })),
          'models.invalid:80',
        );
      } finally {
        await http.close();
        proxy.close();
      }
    });
  }

  it('says that a proxy is no address, without telling what may be a password', async () => {
    const http = new HttpClient({ https_proxy: 'user:secret@:x' }, []);
    await assert.rejects(
      http.get({ url: 'http://models.invalid/file' }, { signal: never }),
      (error: Error) =>
        /names a proxy that is no address; write it as http:\/\/host:port/.test(error.message) &&
        !error.message.includes('secret'),
    );
    await http.close();
  });
});

describe('an answer on the wire', () => {
  const taken: Readonly<Record<string, readonly [answer: string, status: number, body: string]>> = {
    'of a known length': [ok, 200, 'hello'],
    'that ends with its connection': ['HTTP/1.1 200 OK\r\n\r\nhello', 200, 'hello'],
    'of HTTP/1.0': ['HTTP/1.0 200 OK\r\n\r\nhello', 200, 'hello'],
    'in chunks, with extensions and trailers': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;name="a b"\r\nhe\r\n3 ;x\r\nllo\r\n0\r\nx-trailer: 1\r\n\r\n',
      200,
      'hello',
    ],
    'after interim ones': [
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${ok}`,
      200,
      'hello',
    ],
    'without a reason': ['HTTP/1.1 206 \r\ncontent-length: 2\r\n\r\nhe', 206, 'he'],
    'without a body': ['HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
    'whose lines end with LF alone': ['HTTP/1.1 200 OK\ncontent-length: 5\n\nhello', 200, 'hello'],
    'with more bytes behind it': [`${ok} and more`, 200, 'hello'],
  };
  for (const [what, [answer, status, body]] of Object.entries(taken)) {
    it(`is taken ${what}`, () =>
      withWire(answer, async ({ get }) => {
        const reply = await get();
        assert.deepEqual({ status: reply.status, body: await textOf(reply) }, { status, body });
      }));
  }

  it('has headers with lower-case names, folded lines unfolded, of one name joined', () =>
    withWire(
      'HTTP/1.1 200 OK\r\nETag: "a"\r\nX-Long: one\r\n  two\r\nx-long: three \r\nempty:\r\ncontent-length: 0\r\n\r\n',
      async ({ get }) => {
        const reply = await get();
        assert.deepEqual(reply.headers, { etag: '"a"', 'x-long': 'one two, three', empty: '', 'content-length': '0' });
        await textOf(reply);
      },
    ));

  const refused: Readonly<Record<string, readonly [answer: string, says: RegExp]>> = {
    'is not HTTP': ['SSH-2.0-OpenSSH_9.2\r\n', /begins with "SSH-2\.0-OpenSSH_9\.2" instead of a status line/],
    'is HTTP/2': ['HTTP/2 200\r\n\r\n', /instead of a status line/],
    'is of another protocol': ['HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n', /another protocol/],
    'has a line that is no header': ['HTTP/1.1 200 OK\r\nno header\r\n\r\n', /no header: "no header"/],
    'has a space before a colon': ['HTTP/1.1 200 OK\r\ncontent-length : 5\r\n\r\nhello', /no header/],
    'has a bare CR in a header': ['HTTP/1.1 200 OK\r\na: b\rc: d\r\n\r\n', /no header: "a: b\?c: d"/],
    'has a head that never ends': [
      `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`,
      /more than 65536 bytes of headers/,
    ],
    'has two lengths': ['HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello', /the length "5, 6"/],
    'has a length that is no number': ['HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\nhello', /the length "-5"/],
    'has a length and is in chunks': [
      'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      /both a length and a transfer encoding/,
    ],
    'is compressed for the transfer': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n',
      /transfer encoding "gzip, chunked"/,
    ],
    'has a chunk of no size': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n',
      /does not say how long it is/,
    ],
    'has a chunk that is longer than it says': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n',
      /longer than it says/,
    ],
    'ends before its head does': ['HTTP/1.1 200 OK\r\ncontent-le', /closed the connection before it answered/],
    'ends before its length': ['HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello', /before the end of its answer/],
    'ends before its last chunk': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
      /before the end of its answer/,
    ],
    'ends in its trailers': [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n',
      /before the end of its answer/,
    ],
  };
  for (const [what, [answer, says]] of Object.entries(refused)) {
    it(`is refused with a sentence when it ${what}`, () =>
      withWire(answer, async ({ get }) => assert.rejects(get().then(textOf), says)));
  }

  it('gives what came before it broke off', () =>
    withWire('HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello', async ({ get }) => {
      const { body } = await get();
      let text = '';
      await assert.rejects(async () => {
        for await (const chunk of body) text += Buffer.from(chunk).toString();
      });
      assert.equal(text, 'hello');
    }));

  it('comes no faster than it is taken', () => {
    const [length, piece] = [160 * mebibyte, Buffer.alloc(mebibyte)];
    const sent = new Map<number, number>();
    const answering: Answering = (socket, _request, count) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n\r\n`);
      const send = () => {
        for (let more = true; more && (sent.get(count) ?? 0) < length;) {
          more = socket.write(piece);
          sent.set(count, (sent.get(count) ?? 0) + piece.length);
        }
      };
      socket.on('drain', send);
      send();
    };
    return withWire(answering, async ({ get }) => {
      const slow = await get();
      const chunks = slow.body[Symbol.asyncIterator]();
      await chunks.next();
      let read = 0;
      for await (const chunk of (await get()).body) read += chunk.length;
      assert.equal(read, length);
      assert.ok(sent.get(0)! < length, 'all of an answer was taken in that nobody read');
      slow.body.close();
    });
  });
});

describe('a connection', () => {
  const lasting: Answering = (socket) => void socket.write(ok);

  it('is used again once its answer was read', () =>
    withWire(lasting, async ({ server, get }) => {
      for (let turn = 0; turn < 3; turn += 1) assert.equal(await textOf(await get()), 'hello');
      assert.equal(server.connections, 1);
    }));

  it('is used by one request at a time', () =>
    withWire(lasting, async ({ server, get }) => {
      const replies = await Promise.all([get(), get()]);
      assert.deepEqual(await Promise.all(replies.map(textOf)), ['hello', 'hello']);
      assert.equal(server.connections, 2);
    }));

  const once: Readonly<Record<string, string>> = {
    'the server says so': 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello',
    'the server speaks HTTP/1.0': 'HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello',
    'bytes come behind the answer': `${ok}HTTP/1.1 200 OK`,
  };
  for (const [why, answer] of Object.entries(once)) {
    it(`is not used again when ${why}`, () =>
      withWire(
        (socket) => void socket.write(answer),
        async ({ server, get }) => {
          for (let turn = 0; turn < 2; turn += 1) assert.equal(await textOf(await get()), 'hello');
          assert.equal(server.connections, 2);
        },
      ));
  }

  it('is closed when its answer is let go of', () =>
    withWire(lasting, async ({ server, get }) => {
      (await get()).body.close();
      await server.untilFree();
      await textOf(await get());
      assert.equal(server.connections, 2);
    }));

  it('that the server closed while it rested is replaced, once', () =>
    withWire(
      (socket, _request, count) => void (count === 1 ? socket.destroy() : socket.write(ok)),
      async ({ server, get }) => {
        for (let turn = 0; turn < 2; turn += 1) assert.equal(await textOf(await get()), 'hello');
        assert.deepEqual(
          { requests: server.requests.length, connections: server.connections },
          { requests: 3, connections: 2 },
        );
      },
    ));

  it('that broke off in an answer is not replaced', () =>
    withWire(
      (socket, _request, count) => void (count === 1 ? socket.end('HTTP/1.1 2') : socket.write(ok)),
      async ({ server, get }) => {
        await textOf(await get());
        await assert.rejects(get(), /before it answered/);
        assert.equal(server.requests.length, 2);
      },
    ));

  for (const [when, answer] of [
    ['before the head', ''],
    ['in the head', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['in the body', 'HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhello'],
  ] as const) {
    it(`is closed at once when its caller leaves ${when}`, async () => {
      const controller = new AbortController();
      const leaving = new Error('the caller left');
      const answering: Answering = (socket) =>
        void socket.write(answer, () => when === 'in the body' || controller.abort(leaving));
      await withWire(answering, async ({ server, get }) => {
        const work = get(controller.signal).then(async ({ body }) => {
          for await (const _chunk of body) controller.abort(leaving);
        });
        await assert.rejects(work, leaving);
        await server.untilFree();
      });
    });
  }

  it('is not made for a caller who has left', () =>
    withWire(lasting, async ({ server, get }) => {
      await assert.rejects(get(AbortSignal.abort(new Error('gone'))), /gone/);
      assert.equal(server.connections, 0);
    }));

  it('is closed with the client, whatever it is doing', () =>
    withWire(
      (socket, _request, count) => void socket.write([ok, ok.replace('5', '50'), ''][count]!),
      async ({ server, client, get }) => {
        await textOf(await get());
        const [reading, waiting] = [await get(), get()];
        const failed = assert.rejects(waiting, /the client was closed/);
        await client.close();
        await failed;
        await server.untilFree();
        await assert.rejects(textOf(reading), /the client was closed/);
        await assert.rejects(get(), /the client was closed/);
      },
    ));
});

describe('a secure connection', () => {
  let server: RawServer;
  const content = Buffer.from(Array.from({ length: 6 * mebibyte }, (_, index) => (index * 7 + (index >> 8)) % 256));
  before(async () => {
    server = await RawServer.open((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${content.length}\r\n\r\n`);
      socket.write(content);
    }, certificate);
  });
  after(() => server.close());

  it('is refused when nobody vouches for the server', async () => {
    const client = new DirectClient();
    await assert.rejects(client.get(server.url, {}, undefined, never), /self-signed certificate/);
    assert.deepEqual(server.requests, []);
    await client.close();
  });

  it('brings the bytes as they were sent, to a reader who is slow', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'lamina-tls-'));
    try {
      writeFileSync(join(folder, 'cert.pem'), certificate.cert);
      const { stdout } = await run(process.execPath, [join(import.meta.dirname, 'secure-reader.js'), server.url.href], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') },
      });
      assert.deepEqual(JSON.parse(stdout), Array(2).fill(createHash('sha256').update(content).digest('hex')));
      assert.equal(server.connections, 1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
