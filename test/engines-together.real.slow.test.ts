// One server with models of all engines, swapped under load: no request fails, and the right model responds.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina, type Plugin } from '@lamina/core';
import { embedded } from '@lamina/plugin-embedded';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post, streamChat } from './support/client.js';
import { describeReal, embeddedDirectory, llamaServer, realLlama, writeModels } from './support/engine.js';
import { foreignLlama, standInForMlc, theRealVllm, withoutMlc, withoutVllm } from './support/other-engines.js';
import { seeded } from './support/seeded.js';

const key = 'sk-theirs';

describeReal('one server with every kind of engine', function () {
  this.timeout(600_000);
  let folder: string;
  let remote: Awaited<ReturnType<typeof foreignLlama>>;
  let lamina: Lamina;
  let server: Server;
  let url: string;
  let started: string[];
  const plugins: Plugin[] = [realLlama()];
  const env: Record<string, string | undefined> = { ...process.env, THEIR_KEY: key };
  /** Model → its entry; each responds `I am <name>.` */
  const models: Record<string, Record<string, unknown>> = {
    ada: { path: 'ada.gguf', backend: 'llama.cpp' },
    bea: { path: 'bea.gguf', backend: 'llama.cpp' },
    cora: { path: 'cora.gguf', backend: 'by hand' },
    theirs: { backend: 'elsewhere' },
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-together-'));
    await writeModels(folder, ['ada', 'bea', 'cora', 'theirs', 'emma']);
    remote = await foreignLlama(join(folder, 'theirs.gguf'), key);
    if (embeddedDirectory !== undefined) {
      plugins.push(embedded({ directory: embeddedDirectory, threads: 1, context_length: 1024 }));
      models['emma'] = { path: 'emma.gguf', backend: 'embedded' };
    }
    if (withoutMlc === undefined) {
      const mlc = standInForMlc(folder);
      await mlc.write(join(folder, 'mia'), 'mia');
      plugins.push(mlc.plugin);
      Object.assign(env, mlc.env);
      models['mia'] = { path: 'mia', backend: 'mlc-serve' };
    }
  });
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
  });
  after(async () => {
    await remote.end();
    await rm(folder, { recursive: true });
  });

  async function open(
    maxLoaded: number,
    more: { plugins?: readonly Plugin[]; models?: Record<string, Record<string, unknown>> } = {},
  ): Promise<void> {
    const backends = {
      'by hand': {
        type: 'command',
        formats: ['gguf'],
        command: `${llamaServer} --model \${MODEL_PATH} --port \${PORT} --host 127.0.0.1 -t 1 -c 1024 --offline`,
        health: '/health',
        env: { LLAMA_API_KEY: '${KEY}' },
      },
      elsewhere: { type: 'remote', base_url: remote.baseUrl, api_key_env: 'THEIR_KEY' },
    };
    lamina = await createLamina({
      modelsDir: folder,
      manifest: { backends, models: { ...models, ...more.models } },
      // A short idle timeout and starvation timeout, so that models are swapped all the time.
      limits: { maxLoaded, idleTimeout: 0.3, starvationTimeout: 0.02 },
      plugins: [...plugins, ...(more.plugins ?? [])],
      env,
      log: 'silent',
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
    started = [];
    lamina.events.on('model.ready', ({ model }) => started.push(model));
  }

  /** Twelve clients that each send requests to one model after the other, until this many engines have started. */
  async function swap(seed: number, starts: number): Promise<void> {
    const random = seeded(seed);
    const names = Object.keys(models);
    let chatCount = 0;
    const client = async () => {
      while (started.length < starts) {
        const name = names[Math.floor(random() * names.length)]!;
        chatCount += 1;
        const { text, done, error } = await streamChat(url, chatBody(name, 'hi', { user: 'everybody' }));
        assert.deepEqual({ error, done, text: text.trim() }, { error: undefined, done: true, text: `I am ${name}.` });
      }
    };
    await Promise.all(Array.from({ length: 12 }, client));
    console.log(
      `      ${chatCount} chats, ${started.length} starts of ${names.join(', ')}: none failed, each answered by the right model`,
    );
    assert.deepEqual(
      [...new Set(started)].sort(),
      [...new Set([...names, ...started])].sort(),
      'a model never started',
    );
  }

  for (const maxLoaded of [1, 2]) {
    it(`swaps models with max_loaded ${maxLoaded}: no request fails, and the right model responds`, async () => {
      await open(maxLoaded);
      await swap(20_26 + maxLoaded, 40);
      const owned = lamina.runtime.slots().filter(({ state, lifetime }) => state === 'ready' && lifetime === 'owned');
      assert.ok(owned.length <= maxLoaded, JSON.stringify(owned));
    });
  }

  (withoutMlc === undefined ? it : it.skip)(
    `shows clients the errors of MLC-LLM as those of all others${withoutMlc === undefined ? '' : ` (skipped: ${withoutMlc})`}`,
    async () => {
      await open(1);
      const refused = await post(`${url}/v1/chat/completions`, {
        ...chatBody('mia'),
        messages: [{ role: 'wizard', content: 'hi' }],
      });
      const { error } = (await refused.json()) as { error: { message: string; type: string; param: string } };
      assert.deepEqual(
        [refused.status, error.type, error.param],
        [422, 'invalid_request_error', 'messages.0.role'],
        JSON.stringify(error),
      );
      const tooLong = await streamChat(url, chatBody('mia', 'word '.repeat(5000)));
      assert.deepEqual([tooLong.status, tooLong.error?.code], [400, 'context_length_exceeded']);
      const late = await streamChat(url, chatBody('mia', '/count /fail-late'));
      assert.deepEqual([late.text, late.done, late.error?.code], [' 1 2 3', false, 'MODEL_SERVER_UNREACHABLE']);
      const limited = await streamChat(url, chatBody('mia', '/count', { max_completion_tokens: 2 }));
      assert.deepEqual([limited.text, limited.done], [' 1 2', true]);
    },
  );

  (withoutVllm === undefined ? it : it.skip)(
    `does so beside the real vLLM, which keeps its place${withoutVllm === undefined ? '' : ` (skipped: ${withoutVllm})`}`,
    async () => {
      const { plugin, write } = theRealVllm(folder);
      await write(join(folder, 'vera'));
      await open(2, { plugins: [plugin], models: { vera: { path: 'vera', backend: 'vllm', pinned: true } } });
      const vera = async () => {
        const response = await post(
          `${url}/v1/chat/completions`,
          chatBody('vera', 'hi', { max_tokens: 8, ignore_eos: true }),
        );
        const { model, usage } = (await response.json()) as { model?: string; usage?: { completion_tokens: number } };
        assert.deepEqual([response.status, model, usage?.completion_tokens], [200, 'vera', 8]);
      };
      await vera();
      await Promise.all([swap(7, 20), ...Array.from({ length: 4 }, vera)]);
      assert.deepEqual(
        started.filter((name) => name === 'vera'),
        ['vera'],
      );
    },
  );
});
