// Clients that wait for a stream.
import assert from 'node:assert/strict';
import type { Clock } from '@lamina/core/plugin';
import { eventsIn, ResponsesServer } from './support/server.js';

/** The clock of the process, except that the test ends the 15 s for which a client may hear nothing. */
class TestClock implements Clock {
  #end: (() => void) | undefined;
  #onWait: (() => void) | undefined;

  now(): number {
    return Date.now();
  }

  after(ms: number, callback: () => void): () => void {
    if (ms !== 15_000) {
      const timer = setTimeout(callback, ms).unref();
      return () => clearTimeout(timer);
    }
    this.#end = callback;
    this.#onWait?.();
    return () => (this.#end = undefined);
  }

  /** Ends the 15 s, as soon as somebody waits for them. */
  async pass(): Promise<void> {
    while (this.#end === undefined) await new Promise<void>((resolve) => (this.#onWait = resolve));
    const end = this.#end;
    this.#end = undefined;
    end();
  }
}

describe('a client that waits for a stream', () => {
  const server = new ResponsesServer();
  const clock = new TestClock();
  before(() => server.open({ clock }));
  after(() => server.close());

  /** The text of a stream whose engine answers, or fails, when the client has waited for twice 15 s. */
  async function afterWaiting(deltas: readonly object[] | undefined): Promise<string> {
    let goOn!: () => void;
    const after = new Promise<void>((resolve, reject) => {
      goOn = deltas === undefined ? () => reject(new Error('no memory')) : resolve;
    });
    after.catch(() => undefined); // The request may reach the engine later.
    server.script = { deltas: deltas ?? [], after };
    const waiting = server.post({ input: 'Hi', stream: true });
    await clock.pass();
    await clock.pass();
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
      /^event: response.created\n.*\n\nevent: response.in_progress\n.*\n\n: waiting\n\n: waiting\n\nevent: /,
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
