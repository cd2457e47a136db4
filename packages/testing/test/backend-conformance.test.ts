// The conformance kit itself: cases as data, skips with their reason, no case omitted silently.
import assert from 'node:assert/strict';
import { backendConformance, fakeBackend } from '@lamina/testing';
import { fakeKit, testFolder } from './fake-kit.js';

describe('backendConformance', () => {
  const folder = testFolder();

  it('has at least 25 cases with unique names', () => {
    const names = backendConformance(fakeKit(folder)).map(({ name }) => name);
    assert.ok(names.length >= 25);
    assert.equal(new Set(names).size, names.length);
  });

  it('marks a skipped case with its reason', () => {
    const cases = backendConformance(fakeKit(folder, { skip: { 'embeddings are lists of numbers': 'it only chats' } }));
    const skipped = cases.filter(({ skip }) => skip !== undefined).map(({ name, skip }) => [name, skip]);
    assert.deepEqual(skipped, [
      ['the request adapter keeps unknown fields and does not modify its input', 'the fake backend adapts nothing'],
      ['embeddings are lists of numbers', 'it only chats'],
    ]);
  });

  it('rejects a skip of a case that does not exist', () => {
    assert.throws(
      () => backendConformance(fakeKit(folder, { skip: { 'can fly': 'no wings' } })),
      /There is no case "can fly" to skip/,
    );
  });

  it('rejects a skip without a reason', () => {
    assert.throws(
      () => backendConformance(fakeKit(folder, { skip: { 'embeddings are lists of numbers': ' ' } })),
      /skipped without a reason/,
    );
  });

  it('fails a case whose input the kit lacks', async () => {
    const { embedding: _embedding, ...kit } = fakeKit(folder);
    const [embeddings] = backendConformance(kit).filter(({ name }) => name === 'embeddings are lists of numbers');
    await assert.rejects(embeddings!.run(), /embedding is missing. If this is intended, skip this case with a reason/);
  });

  it('detects without access to the engine that a disconnected client did not free it', async () => {
    const { busy: _busy, ...kit } = fakeKit(folder, {
      type: fakeBackend({ behaviour: { parallel: 2, keep_generating: true, chunk_ms: 2 } }),
      limits: { leaveMs: 1_000 },
    });
    const [disconnecting] = backendConformance(kit).filter(
      ({ name }) => name === 'a client that disconnects frees the engine',
    );
    await assert.rejects(disconnecting!.run(), /A chat after clients disconnected did not settle/);
  });
});
