// Conformance of starts: when they complete, what they report, and how they fail.
import assert from 'node:assert/strict';
import { LaminaError, type Model, type ModelServer } from '@lamina/core/plugin';
import { chatOf } from './kit.js';
import { present, type Stage } from './stage.js';

export const startingCases = {
  'a start resolves when the engine can answer a chat': async (stage: Stage) => {
    const model = await stage.kit.model();
    const server = await stage.start();
    const reply = await stage.chat(server, model);
    assert.equal(reply.status, 200, `The first chat after the start was answered with ${reply.status}: ${reply.text}`);
  },

  'the endpoint is a base URL without a trailing slash': async (stage: Stage) => {
    const { baseUrl } = (await stage.start()).endpoint();
    assert.match(new URL(baseUrl).protocol, /^https?:$/);
    assert.ok(!baseUrl.endsWith('/'), `${baseUrl} ends with a slash.`);
  },

  'the endpoint rejects requests without the key': async (stage: Stage) => {
    const { headers, ...open } = (await stage.start()).endpoint();
    present(headers, 'A header with a key');
    const reply = await stage.client.post(
      open,
      'chat/completions',
      chatOf(stage.kit),
      AbortSignal.timeout(stage.limits.answerMs),
    );
    assert.ok([401, 403].includes(reply.status), `A chat without the key was answered with ${reply.status}.`);
  },

  'a start reports progress': async (stage: Stage) => {
    await stage.start();
    assert.ok(stage.progress.length + stage.printed.length > 0, 'Neither progress nor output was reported.');
    for (const { stage: name, ratio = 0 } of stage.progress)
      assert.ok(name !== '' && ratio >= 0 && ratio <= 1, `The stage "${name}" has the ratio ${ratio}.`);
  },

  'options reach the engine': async (stage: Stage) => {
    const reach = present(stage.kit.reach, 'The kit’s reach');
    await reach.verify(await stage.start({ options: reach.options }));
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
    await assert.rejects(stage.start({ signal: AbortSignal.abort() }), 'It resolved.');
    await stage.assertNothingLeft('After a start that was aborted before');
  },

  'every process is in a guarded group until it ends': async (stage: Stage) => {
    const server = await stage.start();
    const running = stage.processes.living();
    const strays = running.filter(({ group }) => !stage.guarded.includes(group));
    assert.deepEqual(strays, [], 'These processes would outlive a Lamina that is killed.');
    assert.deepEqual(stage.released, [], 'A group was released while it runs.');
    await stage.stop(server);
    assert.deepEqual(
      [...stage.released].sort(),
      [...stage.guarded].sort(),
      'Not every group was released after the stop.',
    );
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
  return stage.start({ model }).then(
    () => assert.fail('A start of a damaged model resolved.'),
    (error: unknown) => error,
  );
}

/** Starts a model and aborts as soon as the start is in progress. */
function abortedStart(stage: Stage): Promise<ModelServer> {
  const controller = new AbortController();
  return stage.start({ signal: controller.signal, onFirstActivity: () => controller.abort() });
}
