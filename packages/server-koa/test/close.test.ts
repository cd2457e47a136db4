// How the server ends: nothing new, what runs is finished or cut, nothing is left.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { watchForLeaks } from '@lamina/testing';
import { chat, openHouse, until, type House } from './support/house.js';
import { dial } from './support/raw.js';
import { readToEnd } from './support/stream.js';

describe('a server that closes', () => {
  let house: House;
  let noLeaks: () => Promise<void>;

  before(async () => void (noLeaks = await watchForLeaks()));

  after(() => noLeaks());

  beforeEach(async () => {
    house = await openHouse({ models: { tiny: { chunk_ms: 5, chunks: 40 } }, lamina: { limits: { drainTimeout: 1 } } });
  });

  afterEach(() => house.close());

  it('finishes the answers that are under way, and takes no new connection', async () => {
    const answer = await house.post('/v1/chat/completions', chat('tiny', 'hi', { stream: true }));
    const closed = house.server.close();
    await assert.rejects(fetch(`${house.url}/health`));
    assert.match(await answer.text(), /\[DONE\]/);
    await closed;
  });

  it('closes idle connections at once', async () => {
    const socket = dial(house.url);
    socket.write('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
    const gone = once(socket, 'close');
    await house.server.close();
    await gone;
    assert.ok(socket.destroyed);
  });

  it('is done when its Lamina has drained: a stream without end is told why it ends', async () => {
    const answer = await house.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    const reader = answer.body!.getReader();
    await reader.read();
    const closed = house.server.close();
    await house.lamina.close();
    const { text, broken } = await readToEnd(reader);
    assert.equal(broken, true);
    assert.match(text, /\n\ndata: \{"error".*\n\n$/);
    await closed;
  });

  it('cuts what still runs when it may not wait', async () => {
    const answer = await house.post('/v1/chat/completions', chat('tiny', '/count', { stream: true }));
    await house.server.close({ signal: AbortSignal.abort() });
    await assert.rejects(answer.text());
    await until('the lease is back', () => house.lamina.runtime.slot('tiny').busy === 0);
  });

  it('answers waiting requests that the end has come', async () => {
    await house.close();
    house = await openHouse({ models: { tiny: { load_ms: 60_000 } } });
    const waiting = house.post('/v1/chat/completions', chat('tiny'));
    await until('it starts', () => house.lamina.runtime.slot('tiny').state === 'starting');
    const closed = house.server.close();
    await house.lamina.close({ signal: AbortSignal.abort() });
    const answer = await waiting;
    assert.equal(answer.status, 503);
    assert.match(await answer.text(), /SHUTTING_DOWN/);
    await closed;
  });
});
