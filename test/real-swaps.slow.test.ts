// Many clients and frequent model swaps on a real llama-server.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, streamChat } from './support/client.js';
import { describeReal, realLlama, writeModels } from './support/engine.js';
import { seeded } from './support/seeded.js';

describeReal('many clients on a real llama-server', function () {
  this.timeout(300_000);
  const models = ['ada', 'bea', 'cleo'];
  let directory: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;
  let started: string[];

  async function open(limits: object): Promise<void> {
    lamina = await createLamina({
      modelsDir: directory,
      manifest: { models: Object.fromEntries(models.map((name) => [name, { path: `${name}.gguf` }])) },
      limits,
      plugins: [realLlama()],
    });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
    started = [];
    lamina.events.on('model.ready', ({ model }) => started.push(model));
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lamina-swaps-'));
    await writeModels(directory, models, ['ada']);
  });
  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('start one engine for 32 concurrent first requests', async () => {
    await open({});
    const answers = await Promise.all(Array.from({ length: 32 }, () => streamChat(url, chatBody('bea'))));
    for (const { text, done } of answers) assert.deepEqual({ text, done }, { text: 'I am bea.', done: true });
    assert.deepEqual(started, ['bea']);
  });

  it('swap three models with max_loaded 1: no request is rejected, lost, cut off or answered by the wrong model', async () => {
    // A short idle timeout and starvation timeout, so that models are swapped all the time.
    await open({ maxLoaded: 1, idleTimeout: 0.3, starvationTimeout: 0.02 });
    const random = seeded(20_26);
    let chatCount = 0;
    const deadline = { swaps: 200 };

    const client = async (): Promise<void> => {
      while (started.length < deadline.swaps) {
        const model = models[Math.floor(random() * models.length)]!;
        const long = model === 'ada' && random() < 0.05;
        chatCount += 1;
        const answer = await streamChat(url, long ? chatBody(model, '/count', { max_tokens: 200 }) : chatBody(model));
        assert.equal(answer.error, undefined);
        assert.equal(answer.done, true, 'a stream was cut');
        if (long) assert.match(answer.text, / 198 199 200$/);
        else assert.equal(answer.text, `I am ${model}.`);
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    console.log(
      `      ${chatCount} chats, ${started.length} starts, none refused, lost, cut or answered by the wrong model`,
    );
    assert.ok(started.length >= 200);
    assert.ok(lamina.runtime.slots().filter(({ state }) => state === 'ready').length <= 1);
  });
});
