import assert from 'node:assert/strict';
import { chatChunks, OllamaServer } from './ollama-server.js';

describe('POST /api/generate', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open()));
  after(() => server.close());
  beforeEach(() => {
    server.engine.requests.splice(0);
    server.engine.answer = chatChunks([{ reasoning_content: 'Hm.' }, { content: 'Yes.' }]);
  });

  const generate = (body: object) => server.post('/api/generate', { model: 'scripted', prompt: 'Is it?', ...body });
  const sent = () => server.engine.requests.at(-1)!;

  it('sends the prompt, the system prompt and the images as a chat', async () => {
    const { lines } = await generate({ system: 'Be brief.', images: ['iVBOR'], context: [], options: { seed: 1 } });
    assert.deepEqual(
      lines.map(({ response, thinking, done }) => [response, thinking, done]),
      [
        ['', 'Hm.', false],
        ['Yes.', undefined, false],
        ['', undefined, true],
      ],
    );
    const { path, body } = sent();
    assert.equal(path, '/v1/chat/completions');
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBOR' } };
    assert.deepEqual(body.messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: [image, { type: 'text', text: 'Is it?' }] },
    ]);
    assert.equal(body.seed, 1);
  });

  it('sends a raw prompt as it is', async () => {
    const prompt = '<|user|>Is it?<|assistant|>';
    server.engine.answer = [
      { choices: [{ index: 0, text: 'Yes' }] },
      { choices: [{ index: 0, text: '.', finish_reason: 'stop' }] },
    ];
    const { response, done, done_reason } = await server.one('/api/generate', { model: 'scripted', prompt, raw: true });
    assert.deepEqual([response, done, done_reason], ['Yes.', true, 'stop']);
    assert.deepEqual([sent().path, sent().body.prompt], ['/v1/completions', prompt]);
  });

  it('refuses what would change the answer if it were ignored', async () => {
    for (const [body, message] of [
      [{ suffix: '}' }, /"scripted" does not support insert/],
      [{ raw: true, system: 'Be brief.' }, /raw mode does not support template, system, or context/],
      [{ raw: true, images: ['iVBOR'] }, /raw mode does not support images/],
      [{ template: '{{ .Prompt }}' }, /"template" is not supported/],
      [{ context: [1, 2] }, /"context" is not supported/],
    ] as const) {
      const { status, lines } = await generate(body);
      assert.equal(status, 400);
      assert.match(lines[0].error, message);
    }
    assert.equal(server.engine.requests.length, 0);
  });
});

describe('a request without a prompt', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open()));
  after(() => server.close());

  const state = () => server.lamina.runtime.slot('tiny').state;
  /** A fake engine can free the weights without ending. */
  const unloaded = () =>
    server.lamina.events.once('model.state', {
      signal: AbortSignal.timeout(10_000),
      where: ({ model, to }) => model === 'tiny' && to === 'sleeping',
    });

  it('loads the model, and with `keep_alive: 0` unloads it', async () => {
    const loaded = await server.post('/api/generate', { model: 'tiny:latest', prompt: '', keep_alive: '10m' });
    const [{ model, created_at: _, ...rest }] = loaded.lines;
    assert.deepEqual([model, rest], ['tiny:latest', { response: '', done: true, done_reason: 'load' }]);
    assert.match(loaded.type, /^application\/json/);
    assert.equal(state(), 'ready');
    const ended = unloaded();
    const { done_reason, message } = await server.one('/api/chat', { model: 'tiny', messages: [], keep_alive: 0 });
    assert.deepEqual([done_reason, message], ['unload', { role: 'assistant', content: '' }]);
    await ended;
    assert.deepEqual((await server.send('GET', '/api/ps')).lines, [{ models: [] }]);
  });

  it('does not load a model to unload it', async () => {
    await server.lamina.runtime.stop('tiny');
    const { done_reason } = await server.one('/api/generate', { model: 'tiny', keep_alive: 0 });
    assert.deepEqual([done_reason, state()], ['unload', 'stopped']);
  });

  it('keeps the model as long as `keep_alive` says', async () => {
    const remaining = async () => {
      const [{ expires_at }] = (await server.send('GET', '/api/ps')).lines[0].models;
      return (Date.parse(expires_at) - Date.now()) / 1000;
    };
    const chat = (keep_alive: unknown) =>
      server.post('/api/chat', { model: 'tiny', messages: [{ role: 'user', content: 'Hello?' }], keep_alive });
    for (const [keepAlive, seconds] of [
      [90, 90],
      ['1h30m', 5_400],
      ['90000ms', 90],
    ] as const) {
      assert.equal((await chat(keepAlive)).status, 200);
      const left = await remaining();
      assert.ok(left > seconds - 30 && left <= seconds, `${keepAlive}: ${left}`);
    }
    await chat(-1);
    assert.ok((await remaining()) > 1e9);
    const ended = unloaded();
    await chat(0);
    await ended;
  });

  it('rejects a `keep_alive` that is not a duration', async () => {
    for (const keepAlive of ['300', 'soon', '5 m']) {
      const { status, lines } = await server.post('/api/generate', { model: 'tiny', keep_alive: keepAlive });
      assert.equal(status, 400);
      assert.match(lines[0].error, /is not a duration/);
    }
  });
});
