// The embedded engine as a fallback for llama.cpp: which one responds, and what GET /backends shows.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createTestLamina, tinyGguf, type TestLamina } from '@lamina/testing';
import { embedded } from '@lamina/plugin-embedded';
import { llamacpp } from '@lamina/plugin-llamacpp';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, streamChat } from './support/client.js';
import { describeEmbedded, embeddedDirectory, llamaServer } from './support/engine.js';

interface BackendView {
  readonly available: boolean;
  readonly note?: string;
  readonly fallback_for?: readonly string[];
  readonly fallback?: string;
}

let lamina: TestLamina;
let server: Server;
let url: string;

const models = {
  unsaid: { path: 'tiny.gguf' },
  named: { path: 'tiny.gguf', backend: 'llama.cpp', options: { context_length: 512 } },
};

async function open(llama: string, directory?: string): Promise<void> {
  const plugins = [
    llamacpp({ executable: llama, threads: 1, context_length: 512 }),
    embedded({ threads: 1, context_length: 512, ...(directory === undefined ? {} : { directory }) }),
  ];
  lamina = await createTestLamina({ plugins, env: process.env, manifest: { models } });
  await tinyGguf(join(lamina.modelsDir, 'tiny.gguf'), { name: 'tiny' });
  await lamina.models.reload();
  server = createServer(lamina, { port: 0 });
  url = await server.listen();
}

async function backends(): Promise<Record<string, BackendView>> {
  return ((await (await fetch(`${url}/backends`)).json()) as { backends: Record<string, BackendView> }).backends;
}

describe('GET /backends without llama.cpp', () => {
  before(() => open('/nowhere/llama-server'));
  after(() => Promise.all([server.close({ signal: AbortSignal.abort() }), lamina.close()]));

  it('shows that the embedded engine replaces it and is installed on first use', async () => {
    const { 'llama.cpp': llama, embedded: own } = await backends();
    assert.deepEqual([llama?.available, llama?.fallback], [false, 'embedded']);
    assert.deepEqual(
      [own?.available, own?.note, own?.fallback_for?.[0]],
      [
        true,
        'It is not installed yet (55 MB at first use). Install it now with: lamina backends install embedded',
        'llama.cpp',
      ],
    );
  });
});

describeEmbedded('a server without llama.cpp', function () {
  this.timeout(60_000);
  before(() => open('/nowhere/llama-server', embeddedDirectory));
  after(() => Promise.all([server.close({ signal: AbortSignal.abort() }), lamina.close()]));

  it('uses the embedded engine for models with backend llama.cpp and without a backend', async () => {
    assert.equal((await backends())['embedded']?.note, undefined);
    for (const model of ['unsaid', 'named']) {
      assert.equal((await streamChat(url, chatBody(model))).text, 'Hello from the model tiny.');
      assert.equal(lamina.runtime.slot(model).backend, 'embedded');
    }
  });
});

if (llamaServer !== undefined) {
  describeEmbedded('a server with llama.cpp', function () {
    this.timeout(60_000);
    before(() => open(llamaServer!, embeddedDirectory));
    after(() => Promise.all([server.close({ signal: AbortSignal.abort() }), lamina.close()]));

    it('uses llama.cpp', async () => {
      assert.equal((await backends())['llama.cpp']?.fallback, undefined);
      for (const model of ['unsaid', 'named']) {
        assert.equal((await streamChat(url, chatBody(model))).text, 'Hello from the model tiny.');
        assert.equal(lamina.runtime.slot(model).backend, 'llama.cpp');
      }
    });
  });
}
