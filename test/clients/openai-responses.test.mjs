// `openai` with the Responses API, unmodified.
import assert from 'node:assert/strict';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { apiKey, describeClient, says } from './engines.mjs';
import { weatherFunction } from './weather.mjs';

const tools = [{ type: 'function', ...weatherFunction, strict: true }];
const asksForTool = { role: 'user', content: '/tool' };

describeClient('openai responses', ({ server, unless }) => {
  let client;
  before(() => {
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 });
  });
  const create = (request) => client.responses.create({ model: 'chat', ...request });

  it('a text', async () => {
    const { output_text, status, usage } = await create({ instructions: 'Be brief.', input: 'Hello?' });
    assert.deepEqual([output_text, status], [says, 'completed']);
    assert.ok(usage.input_tokens > 0 && usage.output_tokens > 0);
  });

  it('items', async () => {
    const first = await create({ input: 'Hello?' });
    const content = [{ type: 'input_text', text: 'Again?' }];
    const { output_text } = await create({
      input: [{ role: 'developer', content: 'Be brief.' }, ...first.output, { role: 'user', content }],
    });
    assert.equal(output_text, says);
  });

  it('tools, and the answer to their results', async () => {
    const { output } = await create({ input: [asksForTool], tools, parallel_tool_calls: false });
    const call = output.find(({ type }) => type === 'function_call');
    assert.deepEqual([call.name, JSON.parse(call.arguments)], ['get_weather', { city: 'Paris' }]);
    const result = { type: 'function_call_output', call_id: call.call_id, output: 'rain' };
    assert.equal((await create({ input: [asksForTool, ...output, result], tools })).output_text, says);
  });

  unless('llama.cpp', 'its tiny model cannot be made to call')('a choice of a tool', async () => {
    const { output } = await create({
      input: 'Hello?',
      tools,
      tool_choice: { type: 'function', name: 'get_weather' },
      max_output_tokens: 200,
    });
    assert.equal(output.find(({ type }) => type === 'function_call').name, 'get_weather');
  });

  it('structured output', async () => {
    const { output_parsed } = await client.responses.parse({
      model: 'chat',
      input: 'Hello?',
      temperature: 0,
      text: { format: zodTextFormat(z.object({ city: z.enum(['Paris', 'Rome']) }), 'place') },
    });
    assert.ok(['Paris', 'Rome'].includes(output_parsed.city));
  });

  it('a stream', async () => {
    const types = [];
    let text = '';
    for await (const event of await create({ input: 'Hello?', stream: true })) {
      types.push(event.type);
      if (event.type === 'response.output_text.delta') text += event.delta;
    }
    assert.deepEqual([text, types[0], types.at(-1)], [says, 'response.created', 'response.completed']);
  });

  it('the stream helper', async () => {
    const stream = client.responses.stream({ model: 'chat', input: 'Hello?' });
    const { output_text, status, usage } = await stream.finalResponse();
    assert.deepEqual([output_text, status], [says, 'completed']);
    assert.ok(usage.total_tokens > 0);
  });

  it('the stream helper with a tool', async () => {
    const stream = client.responses.stream({ model: 'chat', input: '/tool', tools, parallel_tool_calls: false });
    const { output } = await stream.finalResponse();
    assert.deepEqual(output.find(({ type }) => type === 'function_call').parsed_arguments, { city: 'Paris' });
  });

  it('the stream helper with reasoning', async () => {
    const { output, output_text } = await client.responses.stream({ model: 'chat', input: '/think' }).finalResponse();
    assert.equal(output[0].summary[0].text.trim(), 'Let me think hard.');
    assert.equal(output_text.trim(), 'The answer is forty-two.');
  });

  it('a response that is too long is incomplete', async () => {
    const { status, incomplete_details } = await create({ input: 'Hello?', max_output_tokens: 1 });
    assert.deepEqual([status, incomplete_details], ['incomplete', { reason: 'max_output_tokens' }]);
    const stream = client.responses.stream({ model: 'chat', input: 'Hello?', max_output_tokens: 1 });
    assert.equal((await stream.finalResponse()).status, 'incomplete');
  });

  it('errors have the classes of the client', async () => {
    const isError = (type, code) => (error) => error instanceof type && error.code === code;
    await assert.rejects(create({ model: 'absent', input: 'a' }), isError(OpenAI.NotFoundError, 'model_not_found'));
    await assert.rejects(
      create({ input: 'a', previous_response_id: 'x' }),
      isError(OpenAI.BadRequestError, 'previous_response_not_found'),
    );
    await assert.rejects(
      create({ input: 'a'.repeat(5000) }),
      isError(OpenAI.BadRequestError, 'context_length_exceeded'),
    );
    await assert.rejects(client.responses.retrieve('resp_1'), OpenAI.NotFoundError);
    const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'a wrong key' });
    await assert.rejects(
      stranger.responses.create({ model: 'chat', input: 'a' }),
      isError(OpenAI.AuthenticationError, 'invalid_api_key'),
    );
  });

  it('a stream can be aborted', async () => {
    const stream = await create({ input: '/count', stream: true });
    for await (const { type } of stream) if (type === 'response.output_text.delta') stream.controller.abort();
    assert.equal((await create({ input: 'Hello?' })).output_text, says);
  });
});
