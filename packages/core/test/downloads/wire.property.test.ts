// Whatever an answer is like and however it is cut on its way, the client of transfers takes it as the client of
// Node.js does.
import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { framingOf } from '../../dist/downloads/transfer/wire/framing.js';
import { HeadReader } from '../../dist/downloads/transfer/wire/head.js';
import { DirectClient } from '../../dist/downloads/transfer/wire/direct-client.js';
import { Ring } from '../../dist/downloads/transfer/wire/ring.js';
import { RawServer, writeInPieces } from './raw-server.js';

interface Taken {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

const crlf = '\r\n';
const token = fc.stringMatching(/^[\w!#$%&'*+.^`|~-]{1,12}$/);
const text = fc.stringMatching(/^[!-~\u00a1-\u00ff]([ -~\u00a1-\u00ff]{0,20}[!-~\u00a1-\u00ff])?$/);
const headers = fc
  .array(
    fc.tuple(
      token.map((name) => `x-${name}`),
      text,
    ),
    { maxLength: 6 },
  )
  .map((all) => all.map(([name, value]) => `${name}: ${value}${crlf}`).join(''));
const content = fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const extension = fc.constantFrom('', ';a', ';a=b', ';a="b c"');
const chunk = fc.tuple(
  content.filter((bytes) => bytes !== ''),
  extension,
  fc.boolean(),
);

const inChunks = fc.tuple(fc.array(chunk, { maxLength: 8 }), headers).map(([chunks, trailers]) => ({
  framing: `Transfer-Encoding: chunked${crlf}`,
  body: [
    ...chunks.map(
      ([bytes, more, upper]) =>
        `${upper ? bytes.length.toString(16).toUpperCase() : bytes.length.toString(16)}${more}${crlf}${bytes}${crlf}`,
    ),
    `0${crlf}${trailers}${crlf}`,
  ].join(''),
}));
const ofLength = content.map((body) => ({ framing: `Content-Length: ${body.length}${crlf}`, body }));
const untilClose = content.map((body) => ({ framing: '', body }));

const answer = fc
  .record({
    interim: fc.constantFrom(
      '',
      `HTTP/1.1 100 Continue${crlf}${crlf}`,
      `HTTP/1.1 103 Early Hints${crlf}x-hint: 1${crlf}${crlf}`,
    ),
    status: fc.constantFrom(200, 206, 302, 404, 416, 500, 503),
    reason: fc.constantFrom('OK', '', 'Something else'),
    headers,
    framed: fc.oneof(inChunks, ofLength, untilClose),
  })
  .map(({ interim, status, reason, headers, framed }) =>
    Buffer.from(
      `${interim}HTTP/1.1 ${status} ${reason}${crlf}${headers}${framed.framing}${crlf}${framed.body}`,
      'latin1',
    ),
  );
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 });

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((share) => Math.floor(share * bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => Buffer.from(bytes.subarray(places[index], end)));
}

async function byNode(url: URL): Promise<Taken> {
  const response = await new Promise<IncomingMessage>((resolve, reject) =>
    request(url, { agent: false }, resolve).on('error', reject).end(),
  );
  const all = new Map<string, string>();
  for (let index = 0; index < response.rawHeaders.length; index += 2) {
    const [name, value] = [response.rawHeaders[index]!.toLowerCase(), response.rawHeaders[index + 1]!];
    all.set(name, all.has(name) ? `${all.get(name)}, ${value}` : value);
  }
  let body = '';
  for await (const bytes of response as AsyncIterable<Buffer>) body += bytes.toString('latin1');
  return { status: response.statusCode!, headers: Object.fromEntries(all), body };
}

async function byUs(url: URL): Promise<Taken> {
  const client = new DirectClient();
  const reply = await client.get(url, {}, undefined, new AbortController().signal);
  let body = '';
  for await (const bytes of reply.body) body += Buffer.from(bytes).toString('latin1');
  await client.close();
  return { status: reply.status, headers: reply.headers, body };
}

function byPieces(pieces: readonly Buffer[]): Taken {
  const reader = new HeadReader();
  let taken: ReturnType<HeadReader['take']>;
  let framing: ReturnType<typeof framingOf> | undefined;
  let body = '';
  for (const piece of pieces) {
    const started = framing !== undefined;
    if (!started) taken = reader.take(piece);
    if (taken === undefined) continue;
    framing ??= framingOf(taken.head);
    body += framing.take(started ? piece : piece.subarray(taken.end)).toString('latin1');
  }
  assert.ok(framing !== undefined && (framing.complete || framing.untilClose) && !framing.overrun);
  return { status: taken!.head.status, headers: taken!.head.headers, body };
}

describe('any answer, cut anyhow', () => {
  it('is to our client what it is to that of Node.js', async function () {
    this.timeout(60_000);
    await fc.assert(
      fc.asyncProperty(answer, cuts, async (bytes, at) => {
        const server = await RawServer.open(
          (socket) => void writeInPieces(socket, cut(bytes, at)).then(() => socket.end()),
        );
        try {
          assert.deepEqual(await byUs(server.url), await byNode(server.url));
        } finally {
          await server.close();
        }
      }),
      { numRuns: 150 },
    );
  });

  it('is the same as in one piece', () => {
    fc.assert(
      fc.property(answer, cuts, (bytes, at) =>
        assert.deepEqual(byPieces(cut(bytes, at)), byPieces([Buffer.from(bytes)])),
      ),
      { numRuns: 500 },
    );
  });

  it('is an error and nothing else when its end is missing', async function () {
    this.timeout(60_000);
    const sure = fc
      .oneof(
        inChunks,
        ofLength.filter(({ body }) => body !== ''),
      )
      .map(({ framing, body }) => Buffer.from(`HTTP/1.1 200 OK${crlf}${framing}${crlf}${body}`, 'latin1'));
    await fc.assert(
      fc.asyncProperty(
        sure,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        cuts,
        async (bytes, share, at) => {
          const server = await RawServer.open(
            (socket) =>
              void writeInPieces(socket, cut(bytes.subarray(0, Math.floor(share * bytes.length)), at)).then(() =>
                socket.end(),
              ),
          );
          try {
            await assert.rejects(byUs(server.url), /it closed the connection before/);
          } finally {
            await server.close();
          }
        },
      ),
      { numRuns: 80 },
    );
  });
});

describe('the memory a connection fills', () => {
  it('gives every byte once, in order, and keeps what is lent as it is', () => {
    const step = fc.oneof(fc.record({ fill: fc.integer({ min: 1, max: 40 }) }), fc.record({ lend: fc.boolean() }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
        const ring = new Ring(size);
        let [put, got] = [0, 0];
        let lent: { bytes: Buffer; copy: Buffer } | undefined;
        for (const step of steps) {
          if ('fill' in step) {
            const room = ring.room(step.fill);
            assert.ok(room.length > 0 || ring.free === 0);
            for (let index = 0; index < room.length; index += 1) room[index] = put++ % 251;
            ring.filled(room.length);
          } else {
            if (step.lend) ring.release();
            const bytes = ring.lend();
            for (const byte of bytes ?? []) assert.equal(byte, got++ % 251);
            if (bytes !== undefined) lent = { bytes, copy: Buffer.from(bytes) };
            else if (step.lend) lent = undefined;
          }
          if (lent !== undefined) assert.deepEqual(lent.bytes, lent.copy);
          assert.equal(ring.waiting, put - got);
        }
      }),
      { numRuns: 500 },
    );
  });
});
