// Every wrong way a server can send a file, for every way a file is fetched: over one connection, over
// several, without a known size, and resumed.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LaminaError, type ErrorCode } from '@lamina/core';
import type { TestLamina } from '@lamina/testing';
import {
  withoutLengths,
  dropping,
  failing,
  ggufBytes,
  halting,
  honest,
  sha256Of,
  stalling,
  trickling,
  withoutRanges,
  type Behaviour,
} from './hostile-server.js';
import { withDownloads } from './harness.js';

const megabyte = 1024 * 1024;
const bytes = 9 * megabyte + 17;

/** A way a file is fetched. */
interface Path {
  readonly connectionsPerFile: number;
  readonly sized: boolean;
  /** Part of the file is on disk when the server becomes hostile. */
  readonly resumed: boolean;
}

const paths: Readonly<Record<string, Path>> = {
  'over a single range': { connectionsPerFile: 1, sized: true, resumed: false },
  'over parallel ranges': { connectionsPerFile: 4, sized: true, resumed: false },
  'without a known size': { connectionsPerFile: 4, sized: false, resumed: false },
  'resumed in the middle': { connectionsPerFile: 4, sized: true, resumed: true },
};

/** Created for each test; the first request of a file is the one of the plan, for its first byte. */
const survivable: Readonly<Record<string, () => Behaviour>> = {
  'an honest server': () => honest,
  'a server without support for ranges': () => withoutRanges,
  'a server that sends no ranges, lengths or versions': () => withoutLengths,
  '200 for a range, once': () => once(2, withoutRanges),
  'a wrong Content-Range, once': () =>
    once(
      1,
      ({ response, content }) =>
        void response
          .writeHead(206, { 'content-range': `bytes 5-14/${content.length}`, 'content-length': 10 })
          .end(Buffer.alloc(10)),
    ),
  'a response that is sometimes cut short': () => (exchange) =>
    exchange.count % 3 === 1 ? dropping(10)(exchange) : honest(exchange),
  'a part that is shorter than requested': () => (exchange) =>
    honest({ ...exchange, to: Math.min(exchange.to, exchange.from + 300_000) }),
  'a connection that is dropped every 300 kB': () => dropping(300_000),
  'responses that stall': () => stalling(3, 100_000),
  'a slow tail': () => (exchange) =>
    exchange.to === exchange.content.length && exchange.count > 0 ? trickling(200_000, 10)(exchange) : honest(exchange),
  'a wrong 416, once': () => once(2, ({ response }) => void response.writeHead(416).end()),
  '429 with Retry-After': () => failing(2, 429, { 'retry-after': '0' }),
  '503 without a body': () => failing(2, 503),
  'occasional 500': () => (exchange) =>
    exchange.count % 3 === 1 ? void exchange.response.writeHead(500).end() : honest(exchange),
  'a server that accepts one connection only': oneAtATime,
  'a redirect that expires': expiring,
};

/**
 * Sends a wrong file, or none: it must never be published under the final name. Applies to all requests but
 * the one of the plan.
 */
const refused: Readonly<Record<string, { behaviour: Behaviour; code: ErrorCode; message: RegExp }>> = {
  'a compressed file': {
    behaviour: ({ response, content }) =>
      void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(content.subarray(0, 1000))),
    code: 'SOURCE_UNREACHABLE',
    message: /compressed/,
  },
  'a web page': {
    behaviour: ({ response }) =>
      void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<!doctype html>'),
    code: 'SOURCE_UNREACHABLE',
    message: /web page/,
  },
  'nothing but 500': {
    behaviour: ({ response }) => void response.writeHead(500).end(),
    code: 'SOURCE_UNREACHABLE',
    message: /status 500/,
  },
  'nothing but 416': {
    behaviour: ({ response }) => void response.writeHead(416).end(),
    code: 'SOURCE_UNREACHABLE',
    message: /ends after fewer bytes/,
  },
  'ranges that are never the requested ones': {
    behaviour: ({ response, content }) =>
      void response
        .writeHead(206, { 'content-range': `bytes 5-14/${content.length}`, 'content-length': 10 })
        .end(Buffer.alloc(10)),
    code: 'SOURCE_UNREACHABLE',
    message: /bytes 5-14/,
  },
  'responses without a byte': {
    behaviour: stalling(Infinity, 0),
    code: 'SOURCE_UNREACHABLE',
    message: /stopped sending tiny\.gguf/,
  },
  'a file that was deleted': {
    behaviour: ({ response }) => void response.writeHead(404).end(),
    code: 'SOURCE_UNREACHABLE',
    message: /the file does not exist/,
  },
  'a login page': {
    behaviour: ({ response }) => void response.writeHead(403).end(),
    code: 'SOURCE_DENIED',
    message: /access is denied/,
  },
};

for (const [nth, [way, path]] of Object.entries(paths).entries()) {
  describe(`a file that is fetched ${way}`, () => {
    for (const [index, [what, make]] of Object.entries(survivable).entries()) {
      const checked = (index + nth) % 2 === 0; // Each combination of way and behaviour.
      it(`is complete: ${what}${checked ? '' : ', no SHA-256 known'}`, () =>
        play(path, { checked, behaviour: make() }, ({ lamina, wait }) => assertComes(lamina, content, wait)));
    }
    for (const [what, { behaviour, code, message }] of Object.entries(refused)) {
      it(`is rejected with a message: ${what}`, () =>
        play(
          path,
          { checked: true, behaviour: (exchange) => (exchange.count === 0 ? honest : behaviour)(exchange) },
          async ({ lamina, wait }) => {
            await assert.rejects(wait, (error) => LaminaError.is(error, code) && message.test(error.message));
            assert.ok(!existsSync(join(lamina.modelsDir, 'tiny/tiny.gguf')));
          },
        ));
    }
    it('is rejected with a message: not the file that was announced', () =>
      play(
        path,
        { checked: true, behaviour: (exchange) => honest({ ...exchange, content: other }) },
        async ({ lamina, wait }) => {
          await assert.rejects(wait, (error) => LaminaError.is(error, 'DIGEST_MISMATCH'));
          assert.ok(!existsSync(join(lamina.modelsDir, 'tiny/tiny.gguf')));
        },
      ));
    it('is one version, never a mixture, when it changes in the middle', () =>
      play(
        path,
        {
          checked: false,
          behaviour: (exchange) =>
            exchange.count < 3 ? dropping(megabyte)(exchange) : honest({ ...exchange, content: other }),
        },
        async ({ lamina, wait }) => {
          await assertComes(lamina, other, wait);
        },
      ));
  });
}

/** What every server in this test announces. Created and hashed once: that takes longer than a test. */
const content = ggufBytes(bytes);
const sha256 = sha256Of(content);
/** Another file of the same size. */
const other = ggufBytes(bytes);

interface RunningDownload {
  readonly lamina: TestLamina;
  readonly wait: Promise<unknown>;
}

async function play(
  { connectionsPerFile, sized, resumed }: Path,
  { checked, behaviour }: { checked: boolean; behaviour: Behaviour },
  check: (download: RunningDownload) => Promise<void>,
): Promise<void> {
  await withDownloads(
    async ({ lamina, server }) => {
      const [first, ...later] = resumed
        ? ([(exchange) => (exchange.count === 0 ? honest : halting(0.3))(exchange), behaviour] as [
            Behaviour,
            Behaviour,
          ])
        : ([behaviour] as [Behaviour]);
      const url = server.serve('/tiny.gguf', content, first, { sized });
      const { id } = await lamina.downloads.start({
        reference: checked ? { url, sha256 } : url,
        name: 'tiny',
      });
      for (const next of later) {
        while (lamina.downloads.get(id).done < megabyte)
          await lamina.events.once('download.progress', { signal: AbortSignal.timeout(5000) });
        await lamina.downloads.pause(id);
        // The plan has been made: its request counts as before.
        server.serve('/tiny.gguf', content, (exchange) => next({ ...exchange, count: exchange.count + 1 }), { sized });
        await lamina.downloads.resume(id);
      }
      await check({ lamina, wait: lamina.downloads.wait(id, { signal: AbortSignal.timeout(15_000) }) });
    },
    { downloads: { connectionsPerFile } },
  );
}

async function assertComes(lamina: TestLamina, expected: Buffer, wait: Promise<unknown>): Promise<void> {
  await wait;
  assert.ok(readFileSync(join(lamina.modelsDir, 'tiny/tiny.gguf')).equals(expected), 'the file has wrong bytes');
  const [{ done, total, state }] = lamina.downloads.list() as [ReturnType<TestLamina['downloads']['get']>];
  assert.deepEqual([done, total, state], [expected.length, expected.length, 'finished']);
  assert.deepEqual(readdirSync(join(lamina.modelsDir, '.downloads')), []);
}

/** Misbehaves at one request, and is honest at all others. */
function once(count: number, behaviour: Behaviour): Behaviour {
  return (exchange) => (exchange.count === count ? behaviour : honest)(exchange);
}

function oneAtATime(): Behaviour {
  let open = 0;
  return (exchange) => {
    if (open > 0) return void exchange.response.writeHead(429, { 'retry-after': '0' }).end();
    open += 1;
    exchange.response.on('close', () => (open -= 1));
    honest(exchange);
  };
}

/** Redirects to a signed address that is valid for two requests. */
function expiring(): Behaviour {
  const uses = new Map<string, number>();
  return (exchange) => {
    const signature = new URL(exchange.request.url!, exchange.server.origin).searchParams.get('signature');
    if (signature === null)
      return void exchange.response.writeHead(302, { location: `/tiny.gguf?signature=${exchange.count}` }).end();
    uses.set(signature, (uses.get(signature) ?? 0) + 1);
    if (uses.get(signature)! > 2) return void exchange.response.writeHead(403).end();
    honest(exchange);
  };
}
