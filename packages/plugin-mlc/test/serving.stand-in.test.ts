import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import type { JsonObject, Model } from '@lamina/core/plugin';
import { createTestLamina } from '@lamina/testing';
import { mlc } from '../dist/index.js';
import { adaptRequest } from '../dist/requests.js';
import { file, modelOf } from './model.js';
import { describeStandIn, Ground, post, type StartParts } from './stand-in.js';

const chat = (content: string, more: JsonObject = {}): JsonObject => ({
  model: 'm',
  messages: [{ role: 'user', content }],
  ...more,
});

describeStandIn('a stand-in for MLC-LLM', function () {
  this.timeout(60_000);
  let ground: Ground;
  beforeEach(async () => void (ground = await Ground.open()));
  afterEach(() => ground.close());

  it('compiles its library at the first start, reports that, and uses its cache at the next', async () => {
    const model = await ground.model();
    const first = await ground.start(model);
    assert.deepEqual(first.stages, [
      'loading',
      'compiling the model library',
      'loading the model library',
      'loading weights',
      'opening the port',
    ]);
    assert.deepEqual((await ground.start(model)).stages, [
      'loading',
      'loading the model library',
      'loading weights',
      'opening the port',
    ]);
  });

  it('uses the library in the folder of the weights', async () => {
    const model = await ground.model();
    await writeFile(ground.path('mia/mia-cpu.so'), '');
    const { stages, lines } = await ground.start(model);
    assert.ok(!stages.includes('compiling the model library'));
    assert.ok(lines.some((line) => line.endsWith(`Using library model: ${ground.path('mia/mia-cpu.so')}`)));
  });

  it('reports the effect of its mode', async () => {
    const model = await ground.model();
    const { server } = await ground.start(model);
    assert.deepEqual(server.info, {
      endpoints: ['chat/completions', 'completions'],
      modalities: ['text'],
      parallel: 4,
      contextLength: 4096,
      verified: true,
    });
    assert.deepEqual((await ground.start(model, { options: { mode: 'server' } })).server.info, {
      endpoints: ['chat/completions', 'completions'],
      modalities: ['text'],
      verified: true,
    });
  });

  it('mixes up two requests with the same `user`, unless it is omitted', async () => {
    const { server } = await ground.start(await ground.model());
    const second = async (prepare: (body: JsonObject) => JsonObject) => {
      const caller = new AbortController();
      const first = await post(
        server,
        'chat/completions',
        prepare(chat('/count', { user: 'same', stream: true })),
        caller.signal,
      );
      await first.body!.getReader().read();
      const response = await post(
        server,
        'chat/completions',
        prepare(chat('/count', { user: 'same', max_tokens: 50 })),
      );
      caller.abort();
      return ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
    };
    const right = Array.from({ length: 50 }, (_, index) => ` ${index + 1}`).join('');
    assert.equal(await second(adaptRequest), right);
    assert.notEqual(await second((body) => body), right);
  });

  it('closes a stream that fails late, without an error and without an end', async () => {
    const { server } = await ground.start(await ground.model());
    const response = await post(server, 'chat/completions', chat('/count /fail-late', { stream: true }));
    assert.equal(response.status, 200);
    await assert.rejects(response.text(), /terminated/);
  });

  it('waits for its clients when it is stopped', async () => {
    const { server } = await ground.start(await ground.model());
    const caller = new AbortController();
    const response = await post(server, 'chat/completions', chat('/count', { stream: true }), caller.signal);
    const stopped = server.stop({ reason: 'requested', signal: AbortSignal.timeout(10_000) });
    caller.abort();
    await response.text().catch(() => undefined);
    await stopped;
    assert.deepEqual(await server.closed.then(({ expected, signal }) => [expected, signal]), [true, 'SIGTERM']);
  });

  it('detects a port in use only after the load, and gets another', async () => {
    const otherServer = createServer().listen(0, '127.0.0.1');
    await once(otherServer, 'listening');
    const { port } = otherServer.address() as AddressInfo;
    const reason = await ground.reasonOf(await ground.model(), { options: { extra_args: ['--port', String(port)] } });
    otherServer.close();
    assert.match(reason, /^The port was taken by another program while the model was loaded/);
  });

  const failures: readonly (StartParts & { readonly of: string; readonly says: RegExp; model?(): Promise<Model> })[] = [
    {
      of: 'a missing directory',
      model: () => Promise.resolve(modelOf({ files: [file('weights', ground.path('none'))] })),
      says: /\/none does not exist\. Correct the path/,
    },
    {
      of: 'a directory without a model',
      model: () => emptied('mlc-chat-config.json'),
      says: /is not a model of MLC-LLM: mlc-chat-config\.json is missing/,
    },
    {
      of: 'a damaged configuration',
      model: () => damaged(),
      says: /^The mlc-chat-config\.json in \S+ cannot be read/,
    },
    {
      of: 'missing weights',
      model: () => emptied('tensor-cache.json'),
      says: /tensor-cache\.json cannot be opened: the model is incomplete/,
    },
    {
      of: 'weights larger than the device memory',
      model: () => ground.model('big', { stand_in_megabytes: 4096 }),
      says: /^The device has 1024\.000 MB for the model, and its weights alone are 4096\.000 MB/,
    },
    {
      of: 'a quantisation the compiler does not know',
      model: () => ground.model('odd', { quantization: 'q9f99' }),
      says: /^The model library could not be compiled: Unknown quantization: q9f99\. /,
    },
    {
      of: 'a missing library',
      options: { model_lib: '/nowhere/lib.so' },
      says: /^There is no model library \/nowhere\/lib\.so\. Correct model_lib/,
    },
    {
      of: 'a library that must not be compiled',
      options: { jit_policy: 'OFF' },
      says: /jit_policy OFF forbids compiling one/,
    },
    {
      of: 'a missing device',
      options: { device: 'cuda:3' },
      says: /^This MLC-LLM finds no device cuda:3 here/,
    },
    {
      of: 'an unknown argument',
      options: { extra_args: ['--no-such-flag'] },
      says: /^This MLC-LLM does not know the arguments --no-such-flag/,
    },
    {
      of: 'an unknown override',
      options: { extra_args: ['--overrides', 'no_such=1'] },
      says: /^This MLC-LLM does not know the arguments --no_such=1/,
    },
    {
      of: 'a value outside the allowed ones',
      options: { extra_args: ['--mode', 'x'] },
      says: /^MLC-LLM refuses the value of --mode: invalid choice: 'x'/,
    },
  ];

  async function emptied(name: string): Promise<Model> {
    const model = await ground.model();
    await unlink(ground.path(`mia/${name}`));
    return model;
  }

  async function damaged(): Promise<Model> {
    const model = await ground.model();
    await writeFile(ground.path('mia/mlc-chat-config.json'), '{');
    return model;
  }

  for (const { of, says, model, ...parts } of failures) {
    it(`fails with a message for ${of}`, async () =>
      assert.match(await ground.reasonOf(await (model?.() ?? ground.model()), parts), says));
  }

  it('is found in the environment of Lamina, by its script or by a Python that has it', async () => {
    const venv = ground.path('venv');
    const probed = async () => {
      const lamina = await createTestLamina({
        plugins: [mlc()],
        env: { PATH: process.env['PATH'] ?? '', VIRTUAL_ENV: venv },
      });
      const record = (await lamina.backends.list()).find(({ name }) => name === 'mlc');
      await lamina.close();
      return record?.availability;
    };
    assert.deepEqual(await probed(), { available: true, executable: `${venv}/bin/mlc_llm`, version: '0.20.dev0' });
    await unlink(`${venv}/bin/mlc_llm`);
    assert.deepEqual(await probed(), { available: true, executable: `${venv}/bin/python`, version: '0.20.dev0' });
    await rm(`${venv}/bin`, { recursive: true });
    const missing = await probed();
    assert.ok(
      missing !== undefined &&
        !missing.available &&
        /"mlc_llm" is not in PATH/.test(missing.reason) &&
        /mlc\.ai/.test(missing.hint),
      JSON.stringify(missing),
    );
  });

  it('serves a discovered directory', async () => {
    const lamina = await createTestLamina({
      plugins: [mlc({ executable: ground.executable, device: 'cpu' })],
      env: ground.env,
    });
    try {
      const model = await ground.model();
      await cp(model.files[0]!.path, `${lamina.modelsDir}/mia-q4f16_1-MLC`, { recursive: true });
      await lamina.models.reload();
      const found = lamina.models.list().map(({ model: { name, format } }) => ({ name, format }));
      assert.deepEqual(found, [{ name: 'mia-q4f16_1-MLC', format: 'mlc' }]);
      const lease = await lamina.runtime.acquire('mia-q4f16_1-MLC', { signal: AbortSignal.timeout(20_000) });
      const { baseUrl, headers = {} } = lease.endpoint();
      const response = await fetch(`${baseUrl}/completions`, {
        method: 'POST',
        headers: { ...headers, connection: 'close' },
        body: JSON.stringify({ prompt: 'hi' }),
      });
      assert.equal(((await response.json()) as { choices: { text: string }[] }).choices[0]!.text, 'I am mia.');
      lease.release({ served: true });
    } finally {
      await lamina.close();
    }
  });
});
