// Conformance without a running model: options, probes, accepted models, memory estimates, request adapters.
import assert from 'node:assert/strict';
import { totalmem } from 'node:os';
import { check } from '@lamina/core';
import { type JsonObject, type Machine, type Model } from '@lamina/core/plugin';
import { chatOf, instanceOptions, modelOptions } from './kit.js';
import { present, within, type Stage } from './stage.js';

export const findingCases = {
  'the schemas accept the configuration': async ({ kit }: Stage) => {
    assert.deepEqual(check(kit.type.options, instanceOptions(kit)), []);
    assert.deepEqual(check(kit.type.modelOptions, modelOptions(kit, await kit.model())), []);
  },

  'a probe finds the engine and its version': async (stage: Stage) => {
    const answer = await within(stage.limits.startMs, stage.backend.probe(stage.context()), 'probe()');
    assert.ok(answer.available, `The engine is not available: ${'reason' in answer ? answer.reason : ''}`);
    assert.match(answer.version ?? '', /\d/, 'The probe reports no version.');
  },

  'a probe of a missing engine reports the reason and a hint': async (stage: Stage) => {
    const missing = stage.kit.missing ?? { ...stage.kit.options, executable: '/nonexistent/engine' };
    const backend = stage.kit.type.create('missing', instanceOptions(stage.kit, missing));
    const answer = await within(stage.limits.startMs, backend.probe(stage.context()), 'probe()');
    assert.ok(!answer.available, 'The probe reports a missing engine as available.');
    assertSentence(answer.reason, 'The reason');
    assertSentence(answer.hint, 'The hint');
  },

  'a model of a supported format is accepted with a rank': async ({ kit, backend }: Stage) => {
    const model = await kit.model();
    assert.ok(
      (backend.formats ?? kit.type.formats).includes(model.format),
      `The model's format, ${model.format}, is not one of the type's.`,
    );
    const answer = backend.accepts(model);
    assert.ok('rank' in answer, `The model is rejected: ${'refused' in answer ? answer.refused : ''}`);
    assert.ok(Number.isFinite(answer.rank), `The rank is ${answer.rank}.`);
  },

  'the memory estimate is positive and grows with the context': async (stage: Stage) => {
    const option = present(stage.kit.contextOption, 'The kit’s contextOption');
    const model = await stage.kit.model();
    const [small, large] = await Promise.all(
      [2_048, 65_536].map((length) => estimateBytes(stage, model, { [option]: length })),
    );
    assert.ok(small! > 0 && Number.isFinite(large), `The estimates are ${small} and ${large} bytes.`);
    assert.ok(large! > small!, `A longer context is estimated at ${large} bytes, a shorter one at ${small}.`);
  },

  'the request adapter keeps unknown fields and does not modify its input': async ({ kit, backend }: Stage) => {
    const adapt = present(backend.adapt?.request?.bind(backend.adapt), 'adapt.request');
    const body: JsonObject = {
      ...chatOf(kit),
      model: 'm',
      user: 'someone',
      unknown_field: { kept: [1, 'two'] },
    };
    const before = JSON.stringify(body);
    const answer = adapt(body, { model: await kit.model(), route: 'chat/completions', info: {} });
    assert.equal(JSON.stringify(body), before, 'The adapter modified its input.');
    assert.deepEqual(answer.unknown_field, { kept: [1, 'two'] }, 'The adapter dropped a field.');
    assert.deepEqual(answer.messages, body.messages, 'The adapter changed the messages.');
  },
};

async function estimateBytes({ kit, backend }: Stage, model: Model, more: JsonObject): Promise<number> {
  const estimate = present(backend.estimateMemory?.bind(backend), 'estimateMemory');
  const machine: Machine = { totalBytes: totalmem(), freeBytes: totalmem(), cores: 1, devices: [] };
  const answer = present(await estimate(model, modelOptions(kit, model, more), machine), 'An estimate for the model');
  return Object.values(answer.deviceBytes).reduce((sum, bytes) => sum + bytes, answer.hostBytes);
}

function assertSentence(text: string, what: string): void {
  assert.ok(text.trim().length > 0, `${what} is empty.`);
  assert.doesNotMatch(text, /\n\s+at /, `${what} has a stack trace in it.`);
}
