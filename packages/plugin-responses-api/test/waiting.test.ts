// Clients that wait for a stream.
import assert from 'node:assert/strict';
import { eventsIn, ResponsesServer } from './support/server.js';

describe('a client that waits for a stream', () => {
  const server = new ResponsesServer();
  before(() => server.open({ heartbeatInterval: 0.02 }));
  after(() => server.close());

  /** The text of a stream whose engine answers, or fails, when the client has got two comments. */
  async function afterWaiting(deltas: readonly object[] | undefined): Promise<string> {
    let goOn!: () => void;
    const after = new Promise<void>((resolve, reject) => {
      goOn = deltas === undefined ? () => reject(new Error('no memory')) : resolve;
    });
    after.catch(() => undefined); // The request may reach the engine later.
    server.script = { deltas: deltas ?? [], after };
    const waiting = server.post({ input: 'Hi', stream: true });
    let text = '';
    const reader = (await waiting).body!.pipeThrough(new TextDecoderStream()).getReader();
    const read = async (): Promise<boolean> => {
      const { done, value = '' } = await reader.read();
      text += value;
      return !done;
    };
    while (text.split(': waiting').length < 3) await read();
    goOn();
    while (await read().catch(() => false));
    return text;
  }

  it('gets the first events, comments, and then the rest', async () => {
    const text = await afterWaiting([{ content: 'Hello' }]);
    assert.match(
      text,
      /^event: response.created\n.*\n\nevent: response.in_progress\n.*\n\n: waiting\n\n: waiting\n\n(: waiting\n\n)*event: /,
    );
    const events = eventsIn(text);
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, index) => index),
    );
    assert.equal(events.at(-1).response.output[0].content[0].text, 'Hello');
  });

  it('gets a failure as an event', async () => {
    const events = eventsIn(await afterWaiting(undefined));
    assert.deepEqual(
      events.map(({ type }) => type),
      ['response.created', 'response.in_progress', 'response.failed'],
    );
    assert.deepEqual(events.at(-1).response.error, { code: 'server_error', message: 'No memory is left' });
  });
});
