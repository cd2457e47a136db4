// Conformance of responses: chats, streams, disconnected clients, errors, embeddings, health checks, sleep.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { JsonObject, ModelServer } from '@lamina/core/plugin';
import { chatOf } from './kit.js';
import { present, within, type Stage } from './stage.js';
import { longStream, readAnswer, readStream } from './read-answer.js';

const chatRoute = 'chat/completions';
/** More than a buffered response needs to arrive, less than the long chat of a kit lasts. */
const burstMs = 200;

export const answeringCases = {
  'a chat response has text, a finish reason and usage': async (stage: Stage) => {
    const model = await stage.kit.model();
    const reply = await stage.chat(await stage.start(), model);
    assert.equal(reply.status, 200, reply.text);
    const answer = readAnswer(reply.text);
    assertText(answer.text, stage.kit.says?.(model));
    assert.ok(answer.finish, 'The response has no finish_reason.');
    assert.ok(answer.completionTokens! > 0, 'The response has no usage.');
  },

  'a streamed chat has text, then a finish reason, then [DONE]': async (stage: Stage) => {
    const model = await stage.kit.model();
    const stream = await readStream(stage.stream(await stage.start(), model, chatOf(stage.kit)));
    assertText(stream.text, stage.kit.says?.(model));
    assert.ok(stream.finish, 'No chunk has a finish_reason.');
    assert.ok(!stream.textAfterFinish, 'Text follows the finish_reason.');
    assert.deepEqual(
      stream.data.at(-1),
      '[DONE]',
      'The stream does not end with [DONE]. Send "data: [DONE]" as its last event.',
    );
  },

  'a stream has the content type of event streams': async (stage: Stage) => {
    const server = await stage.start();
    const body = stage.adapted(server, await stage.kit.model(), chatRoute, { ...chatOf(stage.kit), stream: true });
    const signal = AbortSignal.timeout(stage.limits.answerMs);
    const { contentType } = await stage.client.post(server.endpoint(), chatRoute, body, signal);
    assert.match(
      contentType,
      /^text\/event-stream\b/i,
      `The stream has the content type "${contentType}". Send "text/event-stream", or clients do not read it as a stream.`,
    );
  },

  'a stream sends tokens while the engine generates': async (stage: Stage) => {
    const caller = new AbortController();
    const events = await longStream(stage, await stage.start(), caller.signal);
    try {
      assert.ok(
        !(await endsWithin(events, burstMs)),
        'A long response was sent at once: its end came with its first token. Send each token when it is made; if you ' +
          'do, give the kit a longChat that lasts for seconds.',
      );
    } finally {
      caller.abort();
    }
  },

  'a stream reports usage on request': async (stage: Stage) => {
    const body = { ...chatOf(stage.kit), stream_options: { include_usage: true } };
    const stream = await readStream(stage.stream(await stage.start(), await stage.kit.model(), body));
    assert.ok(stream.completionTokens! > 0, 'No chunk has the usage.');
  },

  'two concurrent chats both get a response': async (stage: Stage) => {
    const model = await stage.kit.model();
    const server = await stage.start();
    const replies = await Promise.all([stage.chat(server, model), stage.chat(server, model)]);
    assert.deepEqual(
      replies.map(({ status }) => status),
      [200, 200],
    );
    for (const { text } of replies) assertText(readAnswer(text).text, stage.kit.says?.(model));
  },

  'a client that disconnects frees the engine': async (stage: Stage) => {
    const model = await stage.kit.model();
    const server = await stage.start();
    // Without `busy`, fill the engine, so that the chat below is served only after the engine was freed.
    const clients = stage.kit.busy === undefined ? (server.info.parallel ?? 4) : 1;
    await Promise.all(Array.from({ length: clients }, () => disconnectEarly(stage, server)));
    if (stage.kit.busy !== undefined)
      await within(stage.limits.leaveMs, untilIdle(stage, server), 'The request of a disconnected client');
    const reply = await within(stage.limits.leaveMs, stage.chat(server, model), 'A chat after clients disconnected');
    assert.equal(reply.status, 200, reply.text);
  },

  'a body that is not JSON is rejected in the standard error format': async (stage: Stage) => {
    await assertRejected(stage, '{"messages": [');
  },

  'a field of the wrong type is rejected in the standard error format': async (stage: Stage) => {
    await assertRejected(stage, { ...chatOf(stage.kit), messages: 42 });
  },

  'a healthy server passes its health check': async (stage: Stage) => {
    const server = await stage.start();
    const check = present(server.check?.bind(server), 'check()');
    assert.equal(
      await within(stage.limits.answerMs, check(AbortSignal.timeout(stage.limits.answerMs)), 'check()'),
      'ok',
    );
  },

  'a server responds after sleep and wake': async (stage: Stage) => {
    const server = await stage.start();
    const signal = AbortSignal.timeout(stage.limits.startMs);
    await within(stage.limits.startMs, present(server.sleep?.bind(server), 'sleep()')(signal), 'sleep()');
    await within(stage.limits.startMs, present(server.wake?.bind(server), 'wake()')(signal), 'wake()');
    const reply = await stage.chat(server, await stage.kit.model());
    assert.equal(reply.status, 200, reply.text);
  },
};

function assertText(text: string, expected = ''): void {
  assert.ok(text.length > 0 && text.includes(expected), `The response is "${text}" and should contain "${expected}".`);
}

/** Reads the first text of a long response, then closes the connection. */
async function disconnectEarly(stage: Stage, server: ModelServer): Promise<void> {
  const caller = new AbortController();
  await longStream(stage, server, caller.signal);
  caller.abort();
}

/** Whether the end of a stream arrives in this time; what an engine sends at once does. */
async function endsWithin(events: AsyncIterator<string>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const late = setTimeout(ms, 'late' as const, { signal: timer.signal });
  const ended = readStream(events).then(() => 'ended' as const);
  try {
    return (await Promise.race([ended, late])) === 'ended';
  } finally {
    timer.abort();
    ended.catch(() => undefined);
    late.catch(() => undefined);
  }
}

/** Polls, because engines have no event for it; slowly, so that the engine has time to notice. */
async function untilIdle(stage: Stage, server: ModelServer): Promise<void> {
  while ((await stage.kit.busy!(server)) > 0) await setTimeout(100);
}

async function assertRejected(stage: Stage, body: string | JsonObject): Promise<void> {
  const server = await stage.start();
  const model = await stage.kit.model();
  const route = 'chat/completions';
  const sent = typeof body === 'string' ? body : stage.adapted(server, model, route, body);
  const reply = await stage.client.post(server.endpoint(), route, sent, AbortSignal.timeout(stage.limits.answerMs));
  assert.ok(reply.status >= 400 && reply.status < 500, `The response was ${reply.status}: ${reply.text}`);
  const error =
    stage.backend.adapt?.error?.(reply.status, Buffer.from(reply.text), { model, route }) ?? openAiError(reply.text);
  assert.ok(typeof error?.message === 'string' && error.message !== '', `The error has no message: ${reply.text}`);
}

/** The error of a response in OpenAI's format, which needs no adapter. */
function openAiError(text: string): { message?: unknown } | undefined {
  try {
    return (JSON.parse(text) as { error?: { message?: unknown } }).error;
  } catch {
    return undefined;
  }
}
