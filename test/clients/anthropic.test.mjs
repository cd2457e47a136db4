// `@anthropic-ai/sdk`, unmodified.
import assert from 'node:assert/strict';
import Anthropic from '@anthropic-ai/sdk';
import { apiKey, describeClient, says } from './engines.mjs';
import { weatherFunction } from './weather.mjs';

const { name, description, parameters: input_schema } = weatherFunction;
const request = (content, more = {}) => ({
  model: 'chat',
  max_tokens: 100,
  messages: [{ role: 'user', content }],
  ...more,
});

describeClient('@anthropic-ai/sdk', ({ server, unless }) => {
  const feature = unless('embedded', 'the engine has no messages');
  let client;
  before(() => {
    client = new Anthropic({ baseURL: server.url, apiKey });
  });

  feature('messages', async () => {
    const { content, usage, stop_reason } = await client.messages.create(request('Hello?'));
    assert.deepEqual([content[0].text, stop_reason], [says, 'end_turn']);
    assert.ok(usage.output_tokens > 0);
  });

  feature('messages, streamed', async () => {
    assert.equal(await client.messages.stream(request('Hello?')).finalText(), says);
  });

  feature('tools, and the answer to their results', async () => {
    const tools = [{ name, description, input_schema }];
    const { content } = await client.messages.create(request('/tool', { tools }));
    const call = content.find(({ type }) => type === 'tool_use');
    assert.deepEqual([call.name, call.input], ['get_weather', { city: 'Paris' }]);
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'rain' }] };
    const { messages } = request('/tool');
    const answer = await client.messages.create(
      request('', { tools, messages: [...messages, { role: 'assistant', content }, result] }),
    );
    assert.equal(answer.content[0].text, says);
  });

  feature('tools, streamed', async () => {
    const stream = client.messages.stream(request('/tool', { tools: [{ name, description, input_schema }] }));
    const { content } = await stream.finalMessage();
    assert.deepEqual(content.find(({ type }) => type === 'tool_use').input, { city: 'Paris' });
  });

  feature('count of tokens', async () => {
    const { max_tokens: _unused, ...counted } = request('Hello?');
    assert.ok((await client.messages.countTokens(counted)).input_tokens > 0);
  });

  feature('errors have the classes of the client', async () => {
    await assert.rejects(client.messages.create(request('a', { model: 'absent' })), Anthropic.NotFoundError);
    await assert.rejects(
      new Anthropic({ baseURL: server.url, apiKey: 'a wrong key' }).messages.create(request('a')),
      Anthropic.AuthenticationError,
    );
  });
});
