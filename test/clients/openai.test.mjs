// npm `openai`, unmodified.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { apiKey, describeClient, says } from './engines.mjs';
import { weatherFunction } from './weather.mjs';

const messages = [{ role: 'user', content: 'Hello?' }];
const tools = [{ type: 'function', function: weatherFunction }];
const asksForTool = [{ role: 'user', content: '/tool' }];

describeClient('openai', ({ server, unless }) => {
  let client;
  before(() => {
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey });
  });

  it('lists models', async () => {
    const { data } = await client.models.list();
    assert.deepEqual(data.map(({ id }) => id).sort(), ['chat', 'embed']);
    assert.equal((await client.models.retrieve('chat')).id, 'chat');
  });

  it('chat', async () => {
    const { choices, usage } = await client.chat.completions.create({ model: 'chat', messages });
    assert.equal(choices[0].message.content, says);
    assert.ok(usage.total_tokens > 0);
  });

  it('chat, streamed with usage', async () => {
    const stream = client.chat.completions.stream({
      model: 'chat',
      messages,
      stream_options: { include_usage: true },
    });
    const { choices, usage } = await stream.finalChatCompletion();
    assert.deepEqual([choices[0].message.content, choices[0].finish_reason], [says, 'stop']);
    assert.ok(usage.total_tokens > 0);
  });

  it('chat with n choices', async () => {
    const { choices } = await client.chat.completions.create({ model: 'chat', messages, n: 2 });
    assert.deepEqual(
      choices.map(({ index, message }) => [index, message.content]),
      [
        [0, says],
        [1, says],
      ],
    );
  });

  it('tools, and the answer to their results', async () => {
    const request = { model: 'chat', tools, parallel_tool_calls: false };
    const { choices } = await client.chat.completions.create({ ...request, messages: asksForTool });
    const [call] = choices[0].message.tool_calls;
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['get_weather', { city: 'Paris' }]);
    const result = { role: 'tool', tool_call_id: call.id, content: 'rain' };
    const answer = await client.chat.completions.create({
      ...request,
      messages: [...asksForTool, choices[0].message, result],
    });
    assert.equal(answer.choices[0].message.content, says);
  });

  it('tools, run by the client in a stream', async () => {
    const runner = client.chat.completions.runTools({
      model: 'chat',
      stream: true,
      parallel_tool_calls: false,
      messages: asksForTool,
      tools: [{ type: 'function', function: { ...weatherFunction, parse: JSON.parse, function: () => 'rain' } }],
    });
    assert.equal(await runner.finalContent(), says);
  });

  it('structured output', async () => {
    const { choices } = await client.chat.completions.parse({
      model: 'chat',
      messages,
      temperature: 0,
      response_format: zodResponseFormat(z.object({ city: z.enum(['Paris', 'Rome']) }), 'place'),
    });
    assert.ok(['Paris', 'Rome'].includes(choices[0].message.parsed.city));
  });

  it('completions', async () => {
    const { choices } = await client.completions.create({ model: 'chat', prompt: ['Once', 'Twice'], max_tokens: 20 });
    assert.deepEqual(
      choices.map(({ index, text }) => [index, text.trim()]),
      [
        [0, says],
        [1, says],
      ],
    );
  });

  it('completions, streamed', async () => {
    let text = '';
    for await (const { choices } of await client.completions.create({ model: 'chat', prompt: 'Once', stream: true }))
      text += choices[0].text;
    assert.equal(text.trim(), says);
  });

  it('embeddings', async () => {
    const input = ['a text', 'another'];
    const packed = await client.embeddings.create({ model: 'embed', input });
    const { data } = await client.embeddings.create({ model: 'embed', input, encoding_format: 'float' });
    assert.equal(data[1].embedding.length, 64);
    data.forEach(({ embedding }, index) => assertNear(packed.data[index].embedding, embedding));
  });

  it('embeddings of token ids', async () => {
    const { data } = await client.embeddings.create({ model: 'embed', input: [[300, 301], [302]] });
    assert.equal(data.length, 2);
  });

  unless('llama.cpp', 'llama-server cannot shorten embeddings')('embeddings with dimensions', async () => {
    const { data } = await client.embeddings.create({ model: 'embed', input: 'a text', dimensions: 8 });
    assert.equal(data[0].embedding.length, 8);
  });

  it('errors have the classes of the client', async () => {
    const chat = (body, by = client) => by.chat.completions.create({ model: 'chat', messages, ...body });
    await assert.rejects(chat({ model: 'absent' }), OpenAI.NotFoundError);
    await assert.rejects(chat({ temperature: 'hot' }), OpenAI.BadRequestError);
    await assert.rejects(
      chat({ messages: [{ role: 'user', content: 'a'.repeat(5000) }] }),
      (error) => error instanceof OpenAI.BadRequestError && error.code === 'context_length_exceeded',
    );
    await assert.rejects(
      chat({}, new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'a wrong key' })),
      OpenAI.AuthenticationError,
    );
  });

  it('a stream can be aborted', async () => {
    const stream = await client.chat.completions.create({
      model: 'chat',
      messages: [{ role: 'user', content: '/count' }],
      stream: true,
    });
    for await (const _chunk of stream) stream.controller.abort();
    assert.equal((await client.chat.completions.create({ model: 'chat', messages })).choices[0].message.content, says);
  });
});

function assertNear(left, right) {
  assert.equal(left.length, right.length);
  left.forEach((value, index) => assert.ok(Math.abs(value - right[index]) < 1e-5));
}
