// createTestLamina creates a complete Lamina and leaves nothing behind; watchForLeaks finds what is left.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError, type Lease, type Logger } from '@lamina/core';
import { createTestLamina, fakePlugin, watchForLeaks, type TestLamina } from '@lamina/testing';

const manifest = { models: { alpha: { path: 'alpha.fake', options: { chunks: 3, context_length: 512 } } } };
const fake = { plugins: [fakePlugin()], files: { 'alpha.fake': 'a fake model' }, manifest };

async function acquire(lamina: TestLamina, model = 'alpha'): Promise<Lease> {
  return lamina.runtime.acquire(model, { signal: AbortSignal.timeout(10_000) });
}

/** The text of a chat with the model of this name on the engine. */
async function chat(lease: Lease, model: string): Promise<string> {
  const { baseUrl, headers } = lease.endpoint();
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }] });
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { ...headers, connection: 'close' },
    body,
  });
  const answer = (await response.json()) as { choices: { message: { content: string } }[] };
  return answer.choices[0]!.message.content;
}

describe('createTestLamina', () => {
  it('serves a fake model, with the options of its manifest entry', async () => {
    const lamina = await createTestLamina(fake);
    const lease = await acquire(lamina);
    const text = await chat(lease, 'alpha');
    lease.release({ served: true });
    await lamina.close();
    assert.equal(text, 'alpha: 1 2');
    assert.equal(lease.info.contextLength, 512);
  });

  it('serves the adapters of a fake model from the same engine, each under its name', async () => {
    const models = { ...manifest.models, style: { path: 'style.fake', base: 'alpha' } };
    const lamina = await createTestLamina({
      ...fake,
      files: { ...fake.files, 'style.fake': 'a fake adapter' },
      manifest: { models },
    });
    const [base, style] = [await acquire(lamina), await acquire(lamina, 'style')];
    assert.equal(base.endpoint().baseUrl, style.endpoint().baseUrl);
    const texts = [await chat(base, base.info.ids!['alpha']!), await chat(style, style.info.ids!['style']!)];
    base.release();
    style.release();
    await lamina.close();
    assert.deepEqual(texts, ['alpha: 1 2', 'style: 1 2']);
  });

  it('recognises files that end in .fake as fake models', async () => {
    const lamina = await createTestLamina(fake);
    assert.equal(lamina.models.get('alpha')?.model.format, 'fake');
    await lamina.close();
  });

  it('leaves no process, socket or folder when it is closed', async () => {
    const assertNoLeaks = await watchForLeaks();
    const lamina = await createTestLamina(fake);
    (await acquire(lamina)).release();
    await lamina.close();
    await assertNoLeaks();
    assert.ok(!existsSync(lamina.modelsDir));
  });

  it('shows what plugins registered as it is now', async () => {
    const lamina = await createTestLamina({
      plugins: [{ name: 'greeter', setup: (context) => context.extend('greeting' as never, {} as never) }],
    });
    const isRead = () => lamina.plugins.flatMap(({ extensions }) => extensions).map(({ read }) => read);
    assert.deepEqual(isRead(), [false]);
    lamina.extensions('greeting' as never);
    assert.deepEqual(isRead(), [true]);
    await lamina.close();
  });

  it('writes its files below the models directory, and rejects those outside', async () => {
    const lamina = await createTestLamina({ files: { 'below/here.txt': 'text', 'bytes.bin': new Uint8Array([1, 2]) } });
    const read = ['below/here.txt', 'bytes.bin'].map((name) => readFileSync(join(lamina.modelsDir, name)));
    await lamina.close();
    assert.deepEqual(read, [Buffer.from('text'), Buffer.from([1, 2])]);
    await assert.rejects(
      createTestLamina({ files: { '../outside': '' } }),
      /"\.\.\/outside" is outside the models dir/,
    );
  });

  it('logs nothing, unless the host passes a log', async () => {
    const printed: string[] = [];
    const write = (_data: object, message: string) => void printed.push(message);
    const log: Logger = { debug: write, info: write, warn: write, error: write, child: () => log };
    const lamina = await createTestLamina({ ...fake, log });
    await lamina.close();
    assert.ok(printed.length > 0);
    const original = [process.stdout.write, process.stderr.write] as const;
    let bytes = 0;
    const count = (text: string | Uint8Array) => ((bytes += text.length), true);
    Object.assign(process.stdout, { write: count });
    Object.assign(process.stderr, { write: count });
    try {
      await (await createTestLamina(fake)).close();
    } finally {
      Object.assign(process.stdout, { write: original[0] });
      Object.assign(process.stderr, { write: original[1] });
    }
    assert.equal(bytes, 0);
  });

  it('leaves no folder when creating the Lamina fails', async () => {
    const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('lamina-test-'));
    const before = folders();
    await assert.rejects(createTestLamina({ limits: { maxLoaded: 0 } }), (error) =>
      LaminaError.is(error, 'CONFIG_INVALID'),
    );
    assert.deepEqual(
      folders().filter((name) => !before.includes(name)),
      [],
    );
  });
});

describe('watchForLeaks', () => {
  it('names a process that was left running', async () => {
    const assertNoLeaks = await watchForLeaks();
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e9)'], { stdio: 'ignore' });
    child.unref();
    await assert.rejects(assertNoLeaks(), new RegExp(`process ${child.pid} `));
    child.kill();
    await once(child, 'exit');
    await assertNoLeaks();
  });

  it('names a server that still listens', async () => {
    const assertNoLeaks = await watchForLeaks();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    await assert.rejects(assertNoLeaks(), /1 TCPServerWrap/);
    server.close();
    await assertNoLeaks();
  });

  it('names a timer that keeps the process alive', async () => {
    const assertNoLeaks = await watchForLeaks();
    const timer = setInterval(() => undefined, 60_000);
    await assert.rejects(assertNoLeaks(), /1 Timeout/);
    clearInterval(timer);
    await assertNoLeaks();
  });
});
