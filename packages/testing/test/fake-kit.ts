// The conformance kit of the fake backend, and files for its models.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeBackend, type BackendKit, type FakeEngineState } from '@lamina/testing';
import type { ModelServer } from '@lamina/core/plugin';
import { fakeModel } from './fake-model.js';

/** A folder for a test's files; mocha removes it after the suite. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lamina-testing-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The counters of a fake engine. */
export async function stateOf(server: ModelServer): Promise<FakeEngineState> {
  const response = await fetch(new URL('/fake/state', server.endpoint().baseUrl));
  return (await response.json()) as FakeEngineState;
}

/** A complete kit for the fake backend, with limits that end before the test runner does. */
export function fakeKit(folder: string, changes: Partial<BackendKit> = {}): BackendKit {
  return {
    type: fakeBackend({ behaviour: { chunk_ms: 2 } }),
    model: () => fakeModel(folder, 'good'),
    brokenModel: () => fakeModel(folder, 'damaged', 'broken'),
    says: (model) => `${model.name}: 1 2`,
    busy: async (server) => (await stateOf(server)).busy,
    reach: { options: { context_length: 777 }, verify: (server) => assert.equal(server.info.contextLength, 777) },
    contextOption: 'context_length',
    embedding: {},
    limits: { startMs: 15_000, answerMs: 10_000, leaveMs: 10_000, stopMs: 10_000, killMs: 5_000 },
    ...changes,
    skip: {
      'the request adapter keeps unknown fields and does not modify its input': 'the fake backend adapts nothing',
      ...changes.skip,
    },
  };
}
