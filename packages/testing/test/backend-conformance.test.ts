// The conformance kit itself: cases as data, skips with their reason, no case omitted silently.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { backendConformance, fakeBackend } from '@lamina/testing';
import type { BackendType } from '@lamina/core/plugin';
import { livingProcesses } from '../dist/conformance/processes.js';
import { fakeKit, testFolder } from './fake-kit.js';

function countingStarts(type: BackendType, count: () => void): BackendType {
  return {
    ...type,
    create(name, options) {
      const backend = type.create(name, options);
      return { ...backend, start: (model, context) => (count(), backend.start(model, context)) };
    },
  };
}

/** The pids of the fake engines that this process has started. */
function engines(): number[] {
  return livingProcesses()
    .filter(({ parent, command }) => parent === process.pid && command.includes('fake-engine'))
    .map(({ pid }) => pid);
}

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

  it('ends at once after a failed start, with its reason, and starts no engine again', async () => {
    let starts = 0;
    const type = fakeBackend({ behaviour: { exit_code: 7, stderr: ['no licence'] } });
    const kit = fakeKit(folder, { type: countingStarts(type, () => (starts += 1)) });
    const failures: string[] = [];
    for (const { name, skip, run } of backendConformance(kit))
      if (skip === undefined) await run().catch((error: Error) => failures.push(`${name}: ${error.message}`));
    assert.equal(starts, 1);
    assert.match(failures[0]!, /^a start resolves when .*: The engine did not start\. .*code 7[^]*no licence/);
    assert.ok(failures.length > 25);
    for (const failure of failures.slice(1))
      assert.match(failure, /: Not run, because the first start failed\. The engine did not start\. .*code 7/);
  });

  it('shares one server between the cases that need none of their own', async () => {
    let starts = 0;
    const kit = fakeKit(folder, { type: countingStarts(fakeBackend(), () => (starts += 1)) });
    const names = [
      'the endpoint accepts its key only',
      'a healthy server passes its health check',
      'the engine ends on SIGTERM',
      'the key is never printed',
    ];
    for (const { run } of backendConformance(kit).filter(({ name }) => names.includes(name))) await run();
    assert.equal(starts, 1);
  });

  it('ends the shared server before the cases of another kit start theirs', async () => {
    const [first, second] = [fakeKit(folder), fakeKit(folder)].map((kit) =>
      backendConformance(kit).find(({ name }) => name === 'a healthy server passes its health check'),
    );
    await first!.run();
    const [engine, ...others] = engines();
    assert.equal(others.length, 0);
    await second!.run();
    const now = engines();
    assert.equal(now.length, 1);
    assert.notEqual(now[0], engine);
  });

  it('ends the shared server when no other case follows', async () => {
    const [only] = backendConformance(fakeKit(folder)).filter(
      ({ name }) => name === 'a healthy server passes its health check',
    );
    await only!.run();
    while (engines().length > 0) await setTimeout(20); // There is no event for the end of a process of others.
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
