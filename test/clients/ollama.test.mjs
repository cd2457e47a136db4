// npm `ollama`, unmodified.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { Ollama } from 'ollama';
import { apiKey, describeClient, says } from './engines.mjs';
import { weatherFunction } from './weather.mjs';

const messages = [{ role: 'user', content: 'Hello?' }];
const asksForTool = [{ role: 'user', content: '/tool' }];
const tools = [{ type: 'function', function: weatherFunction }];
const greedy = { temperature: 0 };
/** The model calls tools until it is stopped. */
const few = { num_predict: 100 };

describeClient('ollama', ({ server }) => {
  let client;
  const headers = { Authorization: `Bearer ${apiKey}` };
  before(() => {
    client = new Ollama({ host: server.url, headers });
  });

  const partsOf = async (stream) => {
    const parts = [];
    for await (const part of stream) parts.push(part);
    return parts;
  };

  it('lists, shows and versions', async () => {
    const { models } = await client.list();
    assert.deepEqual(models.map(({ name }) => name).sort(), ['chat:latest', 'embed:latest']);
    const { capabilities, model_info, details } = await client.show({ model: 'chat' });
    assert.ok(['completion', 'tools', 'thinking'].every((one) => capabilities.includes(one)));
    assert.deepEqual([model_info['llama.context_length'], details.family], [2048, 'llama']);
    assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  });

  it('chat', async () => {
    const { message, done, done_reason, eval_count, eval_duration } = await client.chat({ model: 'chat', messages });
    assert.deepEqual([message.content.trim(), done, done_reason], [says, true, 'stop']);
    assert.ok(eval_count > 0 && eval_duration > 0);
  });

  it('chat, streamed', async () => {
    const parts = await partsOf(await client.chat({ model: 'chat:latest', messages, stream: true, options: greedy }));
    assert.equal(
      parts
        .map(({ message }) => message.content)
        .join('')
        .trim(),
      says,
    );
    const { done, total_duration, prompt_eval_count } = parts.at(-1);
    assert.ok(done && total_duration > 0 && prompt_eval_count > 0);
  });

  it('chat with tools, and the answer to their results', async () => {
    const { message } = await client.chat({ model: 'chat', messages: asksForTool, tools, options: few });
    const [call] = message.tool_calls;
    assert.deepEqual([call.function.name, call.function.arguments], ['get_weather', { city: 'Paris' }]);
    const result = { role: 'tool', tool_name: call.function.name, content: 'rain' };
    const answer = await client.chat({ model: 'chat', messages: [...asksForTool, message, result], tools });
    assert.equal(answer.message.content.trim(), says);
  });

  it('chat with tools, streamed', async () => {
    const parts = await partsOf(
      await client.chat({ model: 'chat', messages: asksForTool, tools, stream: true, options: few }),
    );
    const [first] = parts.flatMap(({ message }) => message.tool_calls ?? []);
    assert.deepEqual(first.function.arguments, { city: 'Paris' });
  });

  it('chat with think', async () => {
    const asked = [{ role: 'user', content: '/think' }];
    for (const stream of [false, true]) {
      const answer = await client.chat({ model: 'chat', messages: asked, think: true, stream });
      const parts = stream ? await partsOf(answer) : [answer];
      assert.notEqual(parts.map(({ message }) => message.thinking ?? '').join(''), '');
      const text = parts.map(({ message }) => message.content).join('');
      assert.equal(text.trim(), 'The answer is forty-two.');
    }
  });

  it('chat with images is refused by a model without vision', async () => {
    const asked = [{ role: 'user', content: 'What is it?', images: [new Uint8Array([0x89, 0x50, 0x4e, 0x47])] }];
    await assert.rejects(client.chat({ model: 'chat', messages: asked }), {
      name: 'ResponseError',
      status_code: 400,
      message: '"chat" does not support vision',
    });
  });

  it('structured output', async () => {
    const format = { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] };
    const { message } = await client.chat({ model: 'chat', messages, format, options: greedy });
    assert.ok(['Paris', 'Rome'].includes(JSON.parse(message.content).city));
  });

  it('generate', async () => {
    const { response } = await client.generate({ model: 'chat', prompt: 'Hello?', system: 'Be brief.' });
    assert.equal(response.trim(), says);
    const request = { model: 'chat', prompt: 'Once', raw: true, stream: true, options: { num_predict: 20 } };
    const parts = await partsOf(await client.generate(request));
    assert.equal(
      parts
        .map((part) => part.response)
        .join('')
        .trim(),
      says,
    );
    assert.equal(parts.at(-1).done, true);
  });

  it('generate loads and unloads', async () => {
    const isLoaded = async () => (await client.ps()).models.some(({ name }) => name === 'chat:latest');
    assert.equal((await client.generate({ model: 'chat', prompt: '', keep_alive: '5m' })).done_reason, 'load');
    assert.equal(await isLoaded(), true);
    assert.equal((await client.generate({ model: 'chat', prompt: '', keep_alive: 0 })).done_reason, 'unload');
    while (await isLoaded()) await setTimeout(50);
  });

  it('embed', async () => {
    const { embeddings } = await client.embed({ model: 'embed', input: ['a text', 'another'] });
    assert.deepEqual(
      embeddings.map((vector) => vector.length),
      [64, 64],
    );
    const { embedding } = await client.embeddings({ model: 'embed', prompt: 'a text' });
    const product = embedding.reduce((sum, value, index) => sum + value * embeddings[0][index], 0);
    assert.ok(Math.abs(product / Math.hypot(...embedding) - 1) < 1e-3);
    assert.equal((await client.embed({ model: 'embed', input: 'a text', dimensions: 8 })).embeddings[0].length, 8);
  });

  it('copy and delete', async () => {
    await client.copy({ source: 'chat', destination: 'copy' });
    assert.equal((await client.show({ model: 'copy:latest' })).details.family, 'llama');
    await client.delete({ model: 'copy' });
    await assert.rejects(client.show({ model: 'copy' }), { status_code: 404 });
  });

  it('pull', async () => {
    const parts = await partsOf(await client.pull({ model: 'chat', stream: true }));
    assert.deepEqual(
      parts.map(({ status }) => status),
      ['success'],
    );
    await assert.rejects(client.pull({ model: 'not a name' }), { name: 'ResponseError', status_code: 400 });
  });

  it('errors have the class of the client', async () => {
    for (const stream of [false, true])
      await assert.rejects(client.chat({ model: 'none', messages, stream }), {
        name: 'ResponseError',
        status_code: 404,
        message: "model 'none' not found",
      });
    const unknown = new Ollama({ host: server.url });
    await assert.rejects(unknown.list(), {
      name: 'ResponseError',
      status_code: 401,
      message: /Authentication required/,
    });
    await assert.rejects(client.create({ model: 'new', from: 'chat' }), { status_code: 501, message: /models\.yaml/ });
  });

  it('abort ends the work of the engine', async () => {
    const stream = await client.chat({ model: 'chat', messages: [{ role: 'user', content: '/count' }], stream: true });
    await assert.rejects(
      async () => {
        for await (const part of stream) if (!part.done) client.abort();
      },
      { name: 'AbortError' },
    );
    const running = async () => (await (await fetch(`${server.url}/requests`, { headers })).json()).running;
    while ((await running()).length > 0) await setTimeout(50);
  });
});
