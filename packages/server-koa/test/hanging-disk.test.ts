// Model files on a disk that hangs: requests for other models are served, models are started, and the server closes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import type { ServedModels } from '@lamina/core/protocol';
import { fakePlugin, tinyGguf } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';

/** More than libuv has threads. */
const hanging = Array.from({ length: 6 }, (_, index) => `hanging-${index}`);

describe('a disk that hangs', function () {
  this.timeout(30_000);
  let modelsDir: string;
  let lamina: Lamina;
  let server: Server;
  let url: string;

  before(function () {
    if (process.platform === 'win32') this.skip(); // It has no FIFOs.
  });
  beforeEach(async () => {
    modelsDir = await mkdtemp(join(tmpdir(), 'lamina-hanging-'));
    await writeFile(join(modelsDir, 'model.fake'), 'a fake model');
    await tinyGguf(join(modelsDir, 'tiny.gguf'));
    for (const name of hanging) {
      await mkdir(join(modelsDir, name));
      await writeFile(join(modelsDir, name, 'config.json'), '{}');
      await writeFile(join(modelsDir, name, 'model.safetensors'), 'x');
      // Opening a FIFO waits for a writer, as opening a file on a network disk that is gone waits for the disk.
      execFileSync('mkfifo', [templateOf(name)]);
    }
    const manifest = { models: { a: { path: 'model.fake', backend: 'fake' }, gguf: { path: 'tiny.gguf' } } };
    lamina = await createLamina({ modelsDir, manifest, log: 'silent', plugins: [fakePlugin()] });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  });
  afterEach(async () => {
    // Closing does not wait for the disk.
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    for (const name of hanging) release(templateOf(name));
    await rm(modelsDir, { recursive: true });
  });

  const templateOf = (name: string) => join(modelsDir, name, 'chat_template.jinja');
  /** Lets a read that waits for a writer end. */
  const release = (fifo: string) => closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
  const chat = (model: string) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] }),
    });
  /** Starts a scan that hangs: its reads are queued before those that this waits for. */
  const scan = async () => {
    const controller = new AbortController();
    const ended = assert.rejects(lamina.models.validate(hanging, { signal: controller.signal }), { code: 'ABORTED' });
    for (let turn = 0; turn < 20; turn++) await readFile(join(modelsDir, 'model.fake'));
    return { abort: () => controller.abort(), ended };
  };

  it('leaves threads to requests: models start and answer, and files are read', async () => {
    const { abort, ended } = await scan();
    const answer = await chat('a');
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /a: 1 2 3/);
    assert.equal((await lamina.models.describe('gguf')).metadata?.architecture, 'llama');
    assert.equal((await fetch(`${url}/models`)).status, 200);
    abort();
    await ended;
  });

  it('delays neither lists of models for long, which lack only its facts, nor the starts after them', async () => {
    const { data } = (await (await fetch(`${url}/v1/models`)).json()) as ServedModels;
    const contexts = new Map(data.map(({ id, context_length }) => [id, context_length]));
    assert.equal(contexts.get('gguf'), 2048);
    assert.ok(hanging.every((name) => contexts.has(name) && contexts.get(name) === undefined));
    assert.equal((await chat('a')).status, 200);
  });

  it('delays neither the end of a cancelled scan nor the close of Lamina', async () => {
    const { ended } = await scan();
    await lamina.close();
    await ended;
  });
});
