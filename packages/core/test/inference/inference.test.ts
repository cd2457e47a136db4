// The inference service in process: responses, refusals and incomplete responses, in sinks of the caller.
import assert from 'node:assert/strict';
import type { EventSink, ForwardRequest, Lamina, LaminaEvent, ResponseSink } from '@lamina/core';
import { createTestLamina, fakePlugin, type Behaviour } from '@lamina/testing';

/** Collects a response. */
class Collected implements ResponseSink {
  headersSent = false;
  writableEnded = false;
  status = 0;
  headers: string[] = [];
  text = '';
  writeHead(status: number, headers: string[]): void {
    Object.assign(this, { status, headers, headersSent: true });
  }
  flushHeaders(): void {}
  write(chunk: Buffer): boolean {
    this.text += chunk.toString();
    return true;
  }
  once(): void {}
  end(): void {
    this.writableEnded = true;
  }
}

describe('inference', () => {
  let lamina: Lamina;
  let finished: LaminaEvent<'request.finished'>[];

  const start = async (behaviour: Behaviour = {}) => {
    finished = [];
    lamina = await createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin()],
      manifest: { models: { tiny: { path: 'model.fake', backend: 'fake', options: behaviour } } },
    });
    lamina.events.on('request.finished', (event) => finished.push(event));
  };
  const chat = (more: object = {}, headers: ForwardRequest['headers'] = {}): ForwardRequest => {
    const json = { model: 'tiny', messages: [{ role: 'user', content: 'hi' }], ...more };
    return { route: 'chat/completions', model: 'tiny', headers, body: Buffer.from(JSON.stringify(json)) };
  };
  const options = () => ({ signal: AbortSignal.timeout(30_000) });
  afterEach(() => lamina.close({ signal: AbortSignal.abort() }));

  it('writes the complete response to the sink, and reports its status and usage', async () => {
    await start();
    const sink = new Collected();
    const result = await lamina.inference.forward(chat(), sink, options());
    const answer = JSON.parse(sink.text) as { usage: object };
    assert.deepEqual(result, { kind: 'answered', status: 200, usage: answer.usage, finishReason: 'stop' });
    assert.equal(sink.writableEnded, true);
    assert.deepEqual([finished.length, finished[0]?.status, finished[0]?.usage], [1, 200, answer.usage]);
    assert.equal(lamina.runtime.slot('tiny').busy, 0);
  });

  it('passes the events of a stream to the sink, and reports usage and finish reason', async () => {
    await start();
    const events: string[] = [];
    const sink: EventSink = { write: (list) => events.push(...list) > 0, once: () => undefined };
    const request = chat({ stream: true, stream_options: { include_usage: true } });
    const result = await lamina.inference.forwardEvents(request, sink, options());
    assert.ok(result.kind === 'answered' && result.usage !== undefined && result.finishReason === 'stop');
    assert.ok(events.every((event) => (JSON.parse(event) as { object: string }).object === 'chat.completion.chunk'));
  });

  it('reports a refusal without touching the sink', async () => {
    await start({ status: 418 });
    const sink = new Collected();
    const result = await lamina.inference.forward(chat(), sink, options());
    assert.ok(result.kind === 'refused' && result.status === 418);
    assert.deepEqual([sink.headersSent, finished[0]?.status], [false, 418]);
  });

  it('reports an aborted response, and stops the work of the engine', async () => {
    await start({ chunks: 100_000, chunk_ms: 1 });
    const controller = new AbortController();
    const sink = new Collected();
    sink.write = () => (controller.abort(), true);
    const result = await lamina.inference.forward(chat({ stream: true }), sink, { signal: controller.signal });
    assert.ok(result.kind === 'cut' && result.aborted && result.isEventStream);
    assert.equal(finished[0]?.cut, true);
    assert.equal(lamina.runtime.slot('tiny').busy, 0);
  });

  it('does not pass keys and cookies of the caller to hooks and engines', async () => {
    await start();
    const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret', cookie: 'a=b', 'user-agent': 'test' };
    const handle = await lamina.inference.open(chat({}, headers), options());
    assert.deepEqual(Object.keys(handle.request.headers).sort(), ['lamina-via', 'user-agent']);
    handle.finish({ status: 200, served: true });
  });
});
