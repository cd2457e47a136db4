// Conformance of responses: chats, streams, disconnected clients, errors, embeddings, health checks, sleep.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import type { JsonObject, ModelServer } from '@lamina/core/plugin';
import { chatOf, longChatOf } from './kit.js';
import { present, within, type Stage } from './stage.js';
import { readAnswer, readStream } from './read-answer.js';

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
    assert.deepEqual(stream.data.at(-1), '[DONE]', 'The stream does not end with [DONE].');
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

  'embeddings are lists of numbers': async (stage: Stage) => {
    const server = await stage.start({ options: present(stage.kit.embedding, 'The kit’s embedding') });
    const body = stage.adapted(server, await stage.kit.model(), 'embeddings', { input: ['one text', 'another'] });
    const reply = await stage.client.post(
      server.endpoint(),
      'embeddings',
      body,
      AbortSignal.timeout(stage.limits.answerMs),
    );
    assert.equal(reply.status, 200, reply.text);
    const { data } = JSON.parse(reply.text) as { data: { embedding: unknown[] }[] };
    assert.equal(data.length, 2);
    for (const { embedding } of data)
      assert.ok(embedding.length > 0 && embedding.every(Number.isFinite), 'An embedding is not a list of numbers.');
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
  const events = stage.stream(server, await stage.kit.model(), longChatOf(stage.kit), caller.signal);
  const stream = await readStream(events, { untilText: true });
  caller.abort();
  assert.equal(
    stream.finish,
    undefined,
    'The long chat ended immediately; give the kit a longChat that lasts for seconds.',
  );
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
