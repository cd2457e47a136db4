// Tests engine-plugin.ts with the conformance kit: MODEL=models/tiny.gguf node examples/dist/test-my-engine.js
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Model } from '@lamina/core/plugin';
import { backendConformance } from '@lamina/testing';
import { myEngineType } from './engine-plugin.js';

const folder = mkdtempSync(join(tmpdir(), 'my-engine-'));
after(() => rmSync(folder, { recursive: true }));

function modelOf(path: string): Model {
  const files = [{ role: 'weights', path, bytes: statSync(path).size } as const];
  return { name: 'tiny', files, format: 'gguf', aliases: [], options: {}, pinned: false, limits: {}, from: 'manifest' };
}

const cases = backendConformance({
  type: myEngineType,
  env: process.env,
  model: () => modelOf(process.env['MODEL'] ?? 'models/tiny.gguf'),
  brokenModel() {
    writeFileSync(join(folder, 'broken.gguf'), 'broken');
    return modelOf(join(folder, 'broken.gguf'));
  },
  embedding: {},
  skip: {
    'a probe finds the engine and its version': 'it does not print its version',
    'the memory estimate is positive and grows with the context': 'it has no estimate',
    'the request adapter keeps unknown fields and does not modify its input': 'it needs no adapter',
    'options reach the engine': 'it has no options',
    'a server responds after sleep and wake': 'it cannot sleep',
  },
});
for (const { name, skip, run } of cases) void test(name, { skip: skip ?? false }, run);
