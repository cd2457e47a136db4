// Conformance of starts: what options do, several models, and how starts fail.
import assert from 'node:assert/strict';
import { LaminaError, type Model, type ModelServer } from '@lamina/core/plugin';
import { present, type Stage } from './stage.js';

export const startingCases = {
  'options reach the engine': async (stage: Stage) => {
    const reach = present(stage.kit.reach, 'The kit’s reach');
    await reach.verify(await stage.start({ options: reach.options }));
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

  'two models run concurrently at different endpoints': async (stage: Stage) => {
    const first = await stage.kit.model();
    const second = { ...first, name: `${first.name}-2` };
    const [one, two] = await Promise.all([stage.start({ model: first }), stage.start({ model: second })]);
    assert.notEqual(address(one), address(two), `Both models are at ${address(one)}.`);
    await assertAnswers(stage, one, first);
    await assertAnswers(stage, two, second);
  },

  'a start of a damaged model fails with a reason': async (stage: Stage) => {
    const error = await failedStart(stage);
    assert.ok(
      LaminaError.is(error, 'MODEL_START_FAILED'),
      `The start failed with ${String(error)} instead of MODEL_START_FAILED.`,
    );
    const { reason } = error.details;
    assert.ok(typeof reason === 'string' && reason.trim() !== '', 'The failure has no reason.');
    assert.doesNotMatch(error.message, /\n\s+at /, 'The failure has a stack trace in its message.');
  },

  'a failed start leaves nothing behind': async (stage: Stage) => {
    await failedStart(stage);
    await stage.assertNothingLeft('After a failed start');
  },

  'an aborted start rejects and leaves nothing behind': async (stage: Stage) => {
    await assert.rejects(abortedStart(stage), 'A start whose signal was aborted resolved anyway.');
    await stage.assertNothingLeft('After an aborted start');
  },

  'a start with an aborted signal starts no process': async (stage: Stage) => {
    await assert.rejects(stage.tryStart({ signal: AbortSignal.abort() }), 'It resolved.');
    await stage.assertNothingLeft('After a start that was aborted before');
  },
};

function address(server: ModelServer): string {
  const { baseUrl, socketPath = '' } = server.endpoint();
  return `${socketPath}${baseUrl}`;
}

async function assertAnswers(stage: Stage, server: ModelServer, model: Model): Promise<void> {
  const reply = await stage.chat(server, model);
  assert.equal(reply.status, 200, reply.text);
  const expected = stage.kit.says?.(model) ?? '';
  assert.ok(reply.text.includes(expected), `The response of ${model.name} lacks "${expected}": ${reply.text}`);
}

async function failedStart(stage: Stage): Promise<unknown> {
  const model = await present(stage.kit.brokenModel, 'The kit’s brokenModel')();
  return stage.tryStart({ model }).then(
    () => assert.fail('A start of a damaged model resolved.'),
    (error: unknown) => error,
  );
}

/** Starts a model and aborts as soon as the start is in progress. */
function abortedStart(stage: Stage): Promise<ModelServer> {
  const controller = new AbortController();
  return stage.tryStart({ signal: controller.signal, onFirstActivity: () => controller.abort() });
}
