// Presets over HTTP: several virtual models of one running model.
import assert from 'node:assert/strict';
import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaminaEvent } from '@lamina/core';
import { openHost, type Host, type Json } from './host.js';

const user = { role: 'user', content: 'hi' };
const manifest = `models:
  qwen:
    path: qwen.fake
    backend: fake
    options: { context_length: 2048 }
  coder:
    of: qwen
    aliases: [code]
    system: You write code.
    parameters: { temperature: 0.1, top_k: 5, max_tokens: 100 }
    template_kwargs: { enable_thinking: false, effort: low }
  careful: { of: qwen, parameters: { temperature: 0 } }
  plain: { of: qwen }
`;

describe('presets of one model', () => {
  let host: Host;
  const seen = async () => (await host.engine('qwen')).last!.body as Json;
  const ask = (route: string, body: object) => host.post(`/v1/${route}`, body);
  const chat = (model: string, more: object = {}) => ask('chat/completions', { model, messages: [user], ...more });

  beforeEach(async () => {
    host = await openHost({ files: { 'qwen.fake': 'a fake model', 'models.yaml': manifest } });
  });
  afterEach(() => host.close());

  it('share one engine process, whichever is asked first', async () => {
    let starts = 0;
    host.lamina.events.on('model.state', ({ to }) => void (starts += to === 'starting' ? 1 : 0));
    await Promise.all(['coder', 'careful', 'plain', 'qwen', 'code'].map((model) => chat(model)));
    assert.equal(starts, 1);
    assert.equal((await host.engine('qwen')).finished, 5);
    assert.deepEqual(
      host.lamina.runtime.slots().map(({ model }) => model),
      ['qwen'],
    );
  });

  it('add their system prompt, parameters and template variables to chats', async () => {
    await chat('code');
    const { model, messages, ...fields } = await seen();
    assert.equal(model, 'qwen');
    assert.deepEqual(messages, [{ role: 'system', content: 'You write code.' }, user]);
    assert.deepEqual(fields, {
      temperature: 0.1,
      top_k: 5,
      max_tokens: 100,
      chat_template_kwargs: { enable_thinking: false, effort: 'low' },
    });
    await chat('careful');
    assert.deepEqual(await seen(), { model: 'qwen', messages: [user], temperature: 0 });
    await chat('plain', { temperature: 0.7 });
    assert.deepEqual(await seen(), { model: 'qwen', messages: [user], temperature: 0.7 });
  });

  it('leave what the request sets; null is not set', async () => {
    const own = [{ role: 'developer', content: 'Answer in French.' }, user];
    await chat('coder', {
      messages: own,
      temperature: 0,
      top_k: null,
      max_completion_tokens: 7,
      chat_template_kwargs: { effort: 'high' },
    });
    assert.deepEqual(await seen(), {
      model: 'qwen',
      messages: own,
      temperature: 0,
      top_k: 5,
      max_completion_tokens: 7,
      chat_template_kwargs: { enable_thinking: false, effort: 'high' },
    });
  });

  it('write the system prompt where the API has it', async () => {
    await ask('messages', { model: 'coder', messages: [user], max_tokens: 9 });
    const messages = await seen();
    assert.deepEqual([messages['system'], messages['messages']], ['You write code.', [user]]);
    await ask('messages', { model: 'coder', messages: [user], max_tokens: 9, system: 'Mine.' });
    assert.equal((await seen())['system'], 'Mine.');
    await ask('responses', { model: 'coder', input: 'hi' });
    const response = await seen();
    assert.deepEqual([response['instructions'], response['max_output_tokens']], ['You write code.', 100]);
    await ask('responses', { model: 'coder', input: [{ role: 'system', content: 'Mine.' }, user] });
    assert.equal((await seen())['instructions'], undefined);
    await ask('completions', { model: 'coder', prompt: 'hi' });
    assert.deepEqual(await seen(), { model: 'qwen', prompt: 'hi', temperature: 0.1, top_k: 5, max_tokens: 100 });
  });

  it('give forms their model only', async () => {
    const form = new FormData();
    form.set('model', 'coder');
    form.set('file', new Blob(['sound']), 'a.wav');
    await fetch(`${host.url}/v1/audio/transcriptions`, { method: 'POST', body: form });
    const body = (await host.engine('qwen')).last!.body as string;
    assert.match(body, /name="model"\r\n\r\nqwen\r\n/);
    assert.doesNotMatch(body, /temperature/);
  });

  it('serve chats in process too', async () => {
    assert.match(await host.lamina.chat({ model: 'coder', messages: [user] }).text(), /^qwen: /);
    assert.equal((await seen())['temperature'], 0.1);
  });

  it('are the model in the events of requests, beside the one that answered', async () => {
    const finished: LaminaEvent<'request.finished'>[] = [];
    host.lamina.events.on('request.finished', (event) => void finished.push(event));
    await chat('code');
    await chat('qwen');
    const told = finished.map(({ model, answered_by }) => ({ model, answered_by }));
    assert.deepEqual(told, [
      { model: 'coder', answered_by: 'qwen' },
      { model: 'qwen', answered_by: undefined },
    ]);
  });

  it('are listed like models, with the context, the size and the state of theirs', async () => {
    await chat('coder');
    const { data } = (await host.get('/v1/models')) as { data: { id: string }[] };
    const { id: _id, ...own } = data.find(({ id }) => id === 'qwen')! as Json;
    assert.deepEqual([own['context_length'], own['size'], own['state']], [2048, 12, 'ready']);
    for (const name of ['coder', 'code', 'careful', 'plain'])
      assert.deepEqual(
        data.find(({ id }) => id === name),
        { id: name, ...own },
      );
    const { models } = (await host.get('/models')) as { models: Record<string, Json> };
    const { of, bytes, available, active, state } = models['coder']!;
    assert.deepEqual([of, bytes, available, active, state], ['qwen', 12, true, true, 'ready']);
    const detail = (await host.get('/models/coder')) as Json;
    assert.equal(detail['context_length'], 2048);
    assert.deepEqual(host.lamina.models.diagnostics(), []);
  });

  it('start and stop their model', async () => {
    await host.post('/models/coder/start', {});
    assert.equal(host.lamina.runtime.slot('qwen').state, 'ready');
    await host.post('/models/careful/stop', {});
    assert.equal(host.lamina.runtime.slot('qwen').state, 'stopped');
  });

  it('change while their model runs', async () => {
    await chat('coder');
    const { pid } = host.lamina.runtime.slot('qwen');
    const changed = manifest.replace('temperature: 0.1', 'temperature: 0.9').replace('  plain: { of: qwen }\n', '');
    await host.reload(`${changed}  extra: { of: qwen, parameters: { seed: 1 } }\n`);
    await chat('coder');
    assert.equal((await seen())['temperature'], 0.9);
    await chat('extra');
    assert.equal((await seen())['seed'], 1);
    const gone = await host.request('/v1/chat/completions', { model: 'plain', messages: [user] });
    assert.equal(gone.status, 404);
    assert.equal(host.lamina.runtime.slot('qwen').pid, pid);
  });

  it('are removed without the files and the server of their model', async () => {
    await chat('coder');
    const response = await fetch(`${host.url}/models/coder?files=1`, { method: 'DELETE' });
    const { removed, deleted } = (await response.json()) as Json;
    assert.deepEqual([removed, deleted], ['coder', []]);
    await access(join(host.lamina.modelsDir, 'qwen.fake'));
    assert.equal(host.lamina.runtime.slot('qwen').state, 'ready');
    assert.equal(host.lamina.models.get('coder'), undefined);
  });

  it('are refused when a key has the wrong type, with its line', async () => {
    await writeFile(join(host.lamina.modelsDir, 'models.yaml'), `${manifest}  bad: { of: qwen, parameters: hot }\n`);
    await assert.rejects(host.lamina.models.reload(), (error) => {
      assert.match(String(error), /models\.yaml:14:20: models\.bad\.parameters must be /);
      return true;
    });
    await chat('coder');
    assert.equal((await seen())['temperature'], 0.1);
  });
});

describe('fallbacks', () => {
  const models = (broken: object) => ({
    big: { path: 'big.fake', backend: 'fake', ...broken },
    small: { path: 'small.fake', backend: 'fake' },
    careful: { of: 'big', parameters: { temperature: 0 }, fallback: ['nowhere', 'small'] },
  });
  let host: Host;
  const open = async (broken: object) => {
    const files = { 'big.fake': 'a fake model', 'small.fake': 'a fake model' };
    host = await openHost({ files, manifest: { models: models(broken) } });
  };
  const chat = async () => (await host.post('/v1/chat/completions', { model: 'careful', messages: [user] })) as Json;
  afterEach(() => host.close());

  it('answer with the parameters of the preset when its model cannot start', async () => {
    await open({ options: { exit_code: 1 } });
    await chat();
    const { model, temperature } = (await host.engine('small')).last!.body as Json;
    assert.deepEqual([model, temperature], ['small', 0]);
  });

  it('answer when its model does not exist any more', async () => {
    await open({});
    await host.lamina.models.remove('big');
    await chat();
    assert.equal(((await host.engine('small')).last!.body as Json)['model'], 'small');
  });

  it('are not used when it can start', async () => {
    await open({});
    await chat();
    assert.equal((await host.engine('big')).finished, 1);
    assert.equal(host.lamina.runtime.slot('small').state, 'stopped');
  });

  it('are a diagnostic when no model has their name', async () => {
    await open({});
    const messages = host.lamina.models.diagnostics(['careful']).map(({ message }) => message);
    assert.equal(messages.length, 1);
    assert.match(messages[0]!, /^models\.careful\.fallback\.0 is "nowhere", and no model has that name/);
  });
});
