// A server that sends what no Lamina sends.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, type LaminaClient } from '@lamina/client';
import { watchForLeaks } from '@lamina/testing';
import { WebSocketServer } from 'ws';

const request = { model: 'tiny', messages: [{ role: 'user', content: 'hi' }] };
const chunk = (seq: number): object => ({ type: 'chat.chunk', id: '1', seq, chunk: { choices: [] } });

describe('a client of a faulty server', () => {
  let noLeaks: () => Promise<void>;
  let server: WebSocketServer;
  let client: LaminaClient;
  /** What the server sends for each message. */
  let replies: (object | string)[][];
  const received: string[] = [];

  before(async () => {
    noLeaks = await watchForLeaks();
    server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    server.on('connection', (socket) => {
      socket.send('{"type":"hello","session":"s","scopes":[]}');
      socket.on('message', (data: Buffer) => {
        received.push(data.toString());
        for (const reply of replies.shift() ?? [])
          socket.send(typeof reply === 'string' ? reply : JSON.stringify(reply));
      });
    });
    await once(server, 'listening');
  });
  after(async () => {
    server.close();
    await once(server, 'close');
    await noLeaks();
  });
  beforeEach(() => {
    received.length = 0;
    client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(() => client.close());

  it('fails what an invalid frame belongs to, and connects again after what is no frame', async () => {
    replies = [[{ type: 'error', id: '1' }], ['no frame'], [{ type: 'reply', id: '2', result: { state: 'ready' } }]];
    await assert.rejects(client.models.start('tiny'), { code: 'PROTOCOL_ERROR' });
    assert.equal((await client.models.start('tiny')).state, 'ready');
  });

  it('fails a chat whose server leaves out a chunk', async () => {
    replies = [[chunk(1), chunk(1), chunk(3)]];
    await assert.rejects(client.chat(request).text(), {
      code: 'PROTOCOL_ERROR',
      message: 'The server left out chunk 2 of the answer.',
    });
  });

  it('cancels a chat that nobody reads when too much waits', async () => {
    replies = [Array.from({ length: 65_540 }, (_, index) => chunk(index + 1))];
    const chunks = client.chat(request)[Symbol.asyncIterator]();
    await chunks.next();
    const isCancelled = (): boolean => received.includes('{"type":"chat.cancel","id":"1"}');
    while (!isCancelled()) await new Promise((resolve) => setImmediate(resolve));
    let count = 1;
    const rest = async (): Promise<void> => {
      for await (const _chunk of chunks) count++;
    };
    await assert.rejects(rest(), { code: 'READ_TOO_SLOWLY' });
    assert.ok(count >= 65_536, String(count));
  });
});
