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

const tools = [{ name, description, input_schema }];
/** The tiny models call a tool until a limit stops them. */
const tool_choice = { type: 'auto', disable_parallel_tool_use: true };
/** A picture of one pixel. */
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describeClient(
  '@anthropic-ai/sdk',
  ({ server, unless }) => {
    let client;
    before(() => {
      client = new Anthropic({ baseURL: server.url, apiKey, maxRetries: 0 });
    });

    it('messages', async () => {
      const { content, usage, stop_reason } = await client.messages.create(request('Hello?'));
      assert.deepEqual([content[0].text, stop_reason], [says, 'end_turn']);
      assert.ok(usage.output_tokens > 0);
    });

    it('messages, streamed', async () => {
      const stream = client.messages.stream(request('Hello?', { system: [{ type: 'text', text: 'Be brief.' }] }));
      assert.equal(await stream.finalText(), says);
      const { usage, stop_reason } = await stream.finalMessage();
      assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
      assert.equal(stop_reason, 'end_turn');
    });

    it('messages, as events', async () => {
      const types = [];
      for await (const { type } of await client.messages.create(request('Hello?', { stream: true }))) types.push(type);
      assert.deepEqual([types[0], types.at(-2), types.at(-1)], ['message_start', 'message_delta', 'message_stop']);
    });

    it('limit of tokens', async () => {
      const { stop_reason, usage } = await client.messages.create(request('Hello?', { max_tokens: 2 }));
      assert.deepEqual([stop_reason, usage.output_tokens], ['max_tokens', 2]);
      const { stop_reason: larger } = await client.messages
        .stream(request('Hello?', { max_tokens: 128_000 }))
        .finalMessage();
      assert.equal(larger, 'end_turn');
    });

    it('thinking', async () => {
      const thinking = { type: 'enabled', budget_tokens: 1024 };
      const { content } = await client.messages.create(request('/think', { thinking, max_tokens: 2000 }));
      const found = Object.fromEntries(content.map((block) => [block.type, (block.thinking ?? block.text).trim()]));
      assert.deepEqual(found, { thinking: 'Let me think hard.', text: 'The answer is forty-two.' });
      const messages = [...request('/think').messages, { role: 'assistant', content }, ...request('Hello?').messages];
      assert.equal((await client.messages.create(request('', { messages }))).content[0].text, says);
    });

    it('thinking, streamed', async () => {
      const thought = [];
      const stream = client.messages.stream(request('/think')).on('thinking', (text) => thought.push(text));
      const { content } = await stream.finalMessage();
      assert.equal(thought.join('').trim(), 'Let me think hard.');
      assert.equal(content.find(({ type }) => type === 'text').text.trim(), 'The answer is forty-two.');
    });

    it('tools, and the answer to their results', async () => {
      const { content, stop_reason } = await client.messages.create(request('/tool', { tools, tool_choice }));
      const call = content.find(({ type }) => type === 'tool_use');
      assert.deepEqual([call.name, call.input, stop_reason], ['get_weather', { city: 'Paris' }, 'tool_use']);
      const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id, content: 'rain' }] };
      const { messages } = request('/tool');
      const answer = await client.messages.create(
        request('', { tools, tool_choice, messages: [...messages, { role: 'assistant', content }, result] }),
      );
      assert.equal(answer.content[0].text, says);
    });

    it('tools, streamed', async () => {
      const { content } = await client.messages.stream(request('/tool', { tools, tool_choice })).finalMessage();
      assert.deepEqual(content.find(({ type }) => type === 'tool_use').input, { city: 'Paris' });
    });

    unless('llama.cpp', 'its own messages ignore output_config')('structured output', async () => {
      const schema = { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } }, required: ['city'] };
      const format = { type: 'json_schema', schema };
      const { parsed_output } = await client.messages.parse(
        request('Hello?', { output_config: { format }, temperature: 0, max_tokens: 1000 }),
      );
      assert.ok(['Paris', 'Rome'].includes(parsed_output.city));
    });

    it('betas, and fields of the API that engines do not know', async () => {
      const { content } = await client.beta.messages.create({
        ...request('Hello?'),
        betas: ['context-management-2025-06-27', 'interleaved-thinking-2025-05-14'],
        context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
        system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }],
        metadata: { user_id: '{}' },
      });
      assert.equal(content[0].text, says);
    });

    it('an image for a model that reads text is refused', async () => {
      const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } };
      const call = client.messages.create(request([image, { type: 'text', text: 'What is it?' }]));
      await assert.rejects(call, ({ status, message }) => status >= 400 && /image|text alone/i.test(message));
    });

    it('count of tokens', async () => {
      const { max_tokens: _unused, ...counted } = request('Hello?');
      assert.ok((await client.messages.countTokens(counted)).input_tokens > 0);
    });

    it('models', async () => {
      const ids = [];
      for await (const { id, type, display_name } of client.models.list({ limit: 1 })) {
        ids.push(id);
        assert.deepEqual([type, display_name], ['model', id]);
      }
      assert.deepEqual(ids.sort(), ['chat', 'embed']);
      const { id, created_at } = await client.models.retrieve('chat');
      assert.ok(id === 'chat' && new Date(created_at) <= new Date());
    });

    it('abort frees the model', async () => {
      const stream = client.messages.stream(request('/count', { max_tokens: 100_000 }));
      await new Promise((resolve) => stream.once('text', resolve));
      stream.abort();
      await assert.rejects(stream.done(), Anthropic.APIUserAbortError);
      assert.equal((await client.messages.create(request('Hello?'))).content[0].text, says);
    });

    it('an engine that dies in a stream is an error, and the next request starts it again', async () => {
      const stream = client.messages.stream(request('/count', { max_tokens: 100_000 }));
      await new Promise((resolve) => stream.once('text', resolve));
      const headers = { authorization: `Bearer ${apiKey}` };
      const { server: engine } = await (await fetch(`${server.url}/models/chat`, { headers })).json();
      process.kill(engine.pid, 'SIGKILL');
      await assert.rejects(stream.done(), Anthropic.AnthropicError);
      const retrying = client.withOptions({ maxRetries: 2 });
      assert.equal((await retrying.messages.create(request('Hello?'))).content[0].text, says);
    });

    it('a prompt that is too long is refused with the numbers', async () => {
      const call = client.messages.create(request('word '.repeat(3_000)));
      await assert.rejects(
        call,
        (error) =>
          error instanceof Anthropic.BadRequestError &&
          error.error.error.type === 'invalid_request_error' &&
          /prompt is too long: \d+ tokens > \d+ maximum/.test(error.message),
      );
    });

    it('errors have the classes of the client', async () => {
      const absent = client.messages.create(request('a', { model: 'absent' }));
      await assert.rejects(
        absent,
        (error) => error instanceof Anthropic.NotFoundError && error.requestID !== undefined,
      );
      await assert.rejects(client.models.retrieve('absent'), Anthropic.NotFoundError);
      await assert.rejects(
        new Anthropic({ baseURL: server.url, apiKey: 'a wrong key' }).messages.create(request('a')),
        Anthropic.AuthenticationError,
      );
    });
  },
  { withTranslation: true },
);
