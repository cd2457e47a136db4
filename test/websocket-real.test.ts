// Many chats on a few WebSockets with a real llama-server.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createLamina, type Lamina } from '@lamina/core';
import { clientFrameSchemas } from '@lamina/core/protocol';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody } from './support/client.js';
import { describeReal, realLlama, writeModels } from './support/engine.js';
import { seeded } from './support/seeded.js';
import { ChatSocket } from './support/socket.js';

describeReal('WebSockets on a real llama-server', function () {
  this.timeout(120_000);
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-sockets-'));
    await writeModels(directory, ['tiny']);
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models: { tiny: { path: 'tiny.gguf', options: { parallel: 4 } } } },
      plugins: [realLlama()],
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
    await lamina.runtime.start('tiny');
  });
  after(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close({ signal: AbortSignal.abort() });
    await rm(directory, { recursive: true, force: true });
  });

  /** How many slots of the engine are computing, according to the engine. */
  async function busySlots(): Promise<number> {
    const lease = await lamina.runtime.acquire('tiny', { signal: AbortSignal.timeout(10_000) });
    try {
      const { baseUrl, headers } = lease.endpoint();
      const slots = (await (await fetch(`${new URL(baseUrl).origin}/slots`, { headers: { ...headers } })).json()) as {
        is_processing: boolean;
      }[];
      return slots.filter((slot) => slot.is_processing).length;
    } finally {
      lease.release();
    }
  }

  async function idle(): Promise<void> {
    const limit = Date.now() + 10_000;
    while ((await busySlots()) > 0) assert.ok(Date.now() < limit, 'a slot of the engine is still busy');
    assert.equal(lamina.runtime.slot('tiny').busy, 0);
  }

  it('fifty chats on one socket, half of them cancelled, each end once, with the text of the engine, and leave no slot busy', async () => {
    const socket = await ChatSocket.open(url);
    const random = seeded(4);
    const ids = Array.from({ length: 50 }, (_, index) => `c${index}`);
    const cancelled = new Set(ids.filter((_, index) => index % 2 === 1));
    for (const id of ids) {
      const moment = Math.floor(random() * 60) - 10;
      socket.start(id, chatBody('tiny', cancelled.has(id) ? '/count' : 'hi', { max_tokens: 900 }));
      // Cancelled in the queue, before the first token, or after some.
      if (cancelled.has(id))
        void socket
          .until(() => socket.chats.get(id)!.text.length >= moment)
          .then(() => socket.send({ type: 'chat.cancel', id }));
    }
    for (const id of ids) await socket.ended(id);
    await idle();
    for (const [id, { text, end, ends }] of socket.chats) {
      assert.equal(ends, 1, id);
      // A chat may have completed before its cancellation arrived.
      if (cancelled.has(id)) assert.ok(end === 'ABORTED' || end === 'length', `${id}: ${end}`);
      else assert.deepEqual({ text, end }, { text: 'I am tiny.', end: 'stop' }, id);
    }
    const aborted = [...socket.chats.values()].filter(({ end }) => end === 'ABORTED').length;
    console.log(`      50 chats, ${aborted} of 25 were cancelled in time`);
    assert.ok(aborted >= 10, String(aborted));
    await socket.close();
  });

  it('nine sockets are not slowed down by a tenth that never reads, and memory does not grow', async () => {
    const sockets = await Promise.all(Array.from({ length: 9 }, () => ChatSocket.open(url)));
    const round = async () => {
      const began = performance.now();
      await Promise.all(
        sockets.map(async (socket, index) => {
          for (let turn = 0; turn < 4; turn++) {
            const id = `${index}-${turn}-${began}`;
            socket.start(id, chatBody('tiny', 'hi'));
            assert.equal((await socket.ended(id)).end, 'stop');
          }
        }),
      );
      return performance.now() - began;
    };
    await round();
    const alone = Math.min(await round(), await round(), await round());
    const stuck = await ChatSocket.open(url);
    stuck.ws.pause();
    const before = process.memoryUsage().rss;
    for (let index = 0; index < 20; index++)
      stuck.send({ type: 'chat.start', id: `s${index}`, request: chatBody('tiny', 'hi') } as never);
    stuck.send({ type: 'events.subscribe', id: 'all' });
    const beside = Math.min(await round(), await round(), await round());
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    console.log(
      `      nine sockets: ${alone.toFixed(0)} ms alone, ${beside.toFixed(0)} ms beside one that never reads, ratio ${(beside / alone).toFixed(2)}; memory grew by ${grown.toFixed(1)} MiB`,
    );
    assert.ok(grown < 64, `${grown} MiB`);
    assert.ok(beside < alone * 2 + 200, `${alone} → ${beside}`);
    stuck.ws.terminate();
    await Promise.all(sockets.map((socket) => socket.close()));
    await idle();
  });

  it('ten thousand malformed frames get an error or end their connection, and the server keeps working', async () => {
    const random = seeded(10_000);
    const seeds = seedFrames();
    let sent = 0;
    let answers = 0;
    let ends = 0;
    while (sent < 10_000) {
      const socket = await ChatSocket.open(url);
      const closed = once(socket.ws, 'close');
      socket.ws.on('message', () => (answers += 1));
      for (let index = 0; index < 500; index++, sent++) socket.ws.send(mutate(seeds[sent % seeds.length]!, random));
      socket.send({ type: 'ping', id: 'last' });
      const reached = new Promise((resolve) =>
        socket.ws.on(
          'message',
          (data: Buffer) =>
            data.toString().includes('"pong"') && data.toString().includes('"last"') && resolve(undefined),
        ),
      );
      await Promise.race([reached, closed.then(() => (ends += 1))]);
      socket.ws.terminate();
    }
    console.log(`      ${sent} malformed frames: ${answers} frames in answer, ${ends} connections ended`);
    assert.ok(answers >= 9_000);
    const socket = await ChatSocket.open(url);
    socket.start('a', chatBody('tiny'));
    assert.equal((await socket.ended('a')).text, 'I am tiny.');
    await socket.close();
    await idle();
  });
});

/** A frame of each type, which names a model, a chat or a download that does not exist. */
function seedFrames(): string[] {
  const fields: Readonly<Record<string, unknown>> = {
    request: { model: 'none', messages: [{ role: 'user', content: 'hi' }], input: 'hi', reference: 'x://none' },
    chat: '00000000-0000-0000-0000-000000000000',
    after: 1,
    model: 'none',
    download: 'none',
    types: ['model.ready'],
    since: '00000000-1',
    state: 'ready',
    format: 'gguf',
    q: 'x',
  };
  return Object.entries(clientFrameSchemas).map(([type, { properties }]) => {
    const given = Object.keys(properties).map((name) => [name, { type, id: 'x', ...fields }[name]]);
    return JSON.stringify(Object.fromEntries(given));
  });
}

/** A frame with some characters changed, removed or added, or random bytes instead. */
function mutate(text: string, random: () => number): string | Buffer {
  const at = () => Math.floor(random() * text.length);
  const kind = Math.floor(random() * 6);
  if (kind === 0) return text.slice(0, at());
  if (kind === 1) return Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256)));
  if (kind === 2)
    return text.replace(
      /(?<="type":")[^"]+/,
      ['chat.start', 'chat.cancel', 'ping', 'model.stop', '', 'constructor'][Math.floor(random() * 6)]!,
    );
  if (kind === 3) return JSON.stringify({ type: 'events.subscribe', id: random() < 0.5 ? [] : {}, types: at() });
  let changed = text;
  for (let count = 0; count <= kind; count++) {
    const place = Math.floor(random() * changed.length);
    changed =
      changed.slice(0, place) +
      String.fromCharCode(32 + Math.floor(random() * 95)) +
      changed.slice(place + (random() < 0.5 ? 1 : 0));
  }
  return changed;
}
