import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { tinyGguf } from '@lamina/testing';
import type { ModelServer } from '@lamina/core/plugin';
import OpenAI from 'openai';
import { busy, describeReal, events, Ground, modelOf, post, send } from './real-engine.js';

const user = (content: string) => [{ role: 'user' as const, content }];
const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather',
    parameters: { type: 'object', properties: { city: { enum: ['Paris', 'Rome'] } } },
  },
} as const;
const now = { type: 'function', function: { name: 'now' } } as const;

describeReal('the embedded engine', function () {
  this.timeout(60_000);
  let ground: Ground;
  let server: ModelServer;

  before(async () => {
    ground = await Ground.open();
    // Slow enough that two responses are in progress at the same time.
    const { paths } = await tinyGguf(ground.path('tiny.gguf'), { name: 'tiny', layers: 8, embeddingLength: 256 });
    server = await ground.start(await modelOf(paths[0]), { parallel: 2, context_length: 1024 });
  });
  after(() => ground.close());

  const chat = (body: object) => post(server, 'chat/completions', { ...body } as never);
  const choice = async (body: object) => (await chat(body)).json.choices[0];

  it('reports its capabilities', () => {
    assert.deepEqual(server.info, {
      contextLength: 1024,
      parallel: 2,
      modalities: ['text'],
      endpoints: ['chat/completions', 'completions'],
      tools: true,
      verified: true,
    });
  });

  it('generates the sentence of the model, and counts its tokens', async () => {
    const { json } = await chat({ messages: user('Hello?') });
    assert.equal(json.choices[0].message.content, 'Hello from the model tiny.');
    assert.equal(json.choices[0].finish_reason, 'stop');
    // BOS, the user marker, one token per character, end of turn, the assistant marker: the template of the
    // model.
    assert.deepEqual(json.usage, {
      prompt_tokens: 10,
      completion_tokens: 6,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 0 },
    });
  });

  it('separates the reasoning of a model from its answer', async () => {
    const { message } = await choice({ messages: user('/think') });
    assert.deepEqual([message.reasoning_content, message.content], ['Let me think hard.', 'The answer is forty-two.']);
  });

  it('streams chunks that end with the usage on request', async () => {
    const data = await events(server, 'chat/completions', {
      messages: user('/count'),
      max_tokens: 5,
      stream_options: { include_usage: true },
    });
    assert.equal(data.at(-1), '[DONE]');
    const chunks = data.slice(0, -1).map((text) => JSON.parse(text));
    assert.deepEqual(chunks[0].choices[0].delta, { role: 'assistant', content: '' });
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), '1 2 3 4 5');
    assert.equal(chunks.at(-2).choices[0].finish_reason, 'length');
    const { prompt_tokens, completion_tokens } = chunks.at(-1).usage;
    assert.deepEqual([prompt_tokens, completion_tokens], [11, 5]);
  });

  it('ends at a stop sequence, which is not part of the response', async () => {
    const { message, finish_reason } = await choice({ messages: user('/count'), stop: [' 7'] });
    assert.deepEqual([message.content, finish_reason], ['1 2 3 4 5 6', 'stop']);
  });

  it('applies samplers, a seed and a bias', async () => {
    const sampled = {
      messages: user('Hello?'),
      temperature: 0.7,
      top_p: 0.9,
      top_k: 20,
      min_p: 0.1,
      seed: -1,
      repeat_penalty: 1.1,
    };
    assert.equal((await choice(sampled)).message.content, 'Hello from the model tiny.');
    const same = { messages: user('Hello?'), temperature: 100, top_k: 0, top_p: 1, min_p: 0, max_tokens: 8, seed: 7 };
    assert.equal((await choice(same)).message.content, (await choice(same)).message.content);
    assert.notEqual((await choice({ ...same, seed: 8 })).message.content, (await choice(same)).message.content);
    const forbidden = {
      messages: user('/count'),
      max_tokens: 2,
      logit_bias: Object.fromEntries(Array.from({ length: 500 }, (_, token) => [token, -100])),
    };
    assert.doesNotMatch((await choice(forbidden)).message.content ?? '', /1/);
  });

  it('completes a raw prompt', async () => {
    const { json } = await post(server, 'completions', { prompt: 'Once upon a time' });
    assert.deepEqual(
      [json.choices[0].text, json.choices[0].finish_reason, json.usage.prompt_tokens],
      [' Hello from the model tiny.', 'stop', 17],
    );
    const streamed = await events(server, 'completions', {
      prompt: 'Once',
      max_tokens: 2,
      stream_options: { include_usage: true },
    });
    assert.equal(
      streamed
        .slice(0, -1)
        .map((text) => JSON.parse(text).choices[0]?.text ?? '')
        .join(''),
      ' Hello from',
    );
  });

  it('calls the tool that the model chooses, with arguments that its schema allows', async () => {
    const { message, finish_reason } = await choice({
      messages: user('/tool'),
      tools: [weather],
      parallel_tool_calls: false,
    });
    assert.equal(finish_reason, 'tool_calls');
    const [{ id, type, function: called }] = message.tool_calls;
    assert.match(id, /^call_\w{32}$/);
    assert.deepEqual(
      [type, called.name, Object.keys(JSON.parse(called.arguments))],
      ['function', 'get_weather', ['city']],
    );
    assert.ok(['Paris', 'Rome'].includes(JSON.parse(called.arguments).city));
  });

  it('calls a tool when required, calls the named one, and calls none when forbidden', async () => {
    const must = await choice({
      messages: user('Hello'),
      tools: [weather, now],
      tool_choice: 'required',
      parallel_tool_calls: false,
    });
    assert.equal(must.message.tool_calls.length, 1);
    const named = await choice({
      messages: user('Hello'),
      tools: [weather, now],
      tool_choice: { type: 'function', function: { name: 'now' } },
      parallel_tool_calls: false,
    });
    assert.deepEqual(
      [named.message.tool_calls[0].function.name, named.message.tool_calls[0].function.arguments],
      ['now', '{}'],
    );
    const none = await choice({ messages: user('/tool'), tools: [weather], tool_choice: 'none' });
    assert.equal(none.message.tool_calls, undefined);
    assert.match(none.message.content, /get_weather/);
  });

  it('streams a tool call in the format that the client of OpenAI reads', async () => {
    const { baseUrl: baseURL, headers = {} } = server.endpoint();
    const client = new OpenAI({
      baseURL,
      apiKey: headers['authorization']!.split(' ')[1]!,
      defaultHeaders: { connection: 'close' },
    });
    const stream = client.chat.completions.stream({
      model: 'tiny',
      messages: user('/tool'),
      tools: [weather as never],
      parallel_tool_calls: false,
    });
    const [call] = (await stream.finalChatCompletion()).choices[0]!.message.tool_calls!;
    assert.ok(call?.type === 'function' && 'city' in JSON.parse(call.function.arguments));
  });

  it('accepts a conversation with tool calls and their results', async () => {
    const called = {
      role: 'assistant',
      content: null,
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } },
      ],
    };
    const { message } = await choice({
      messages: [...user('Weather?'), called, { role: 'tool', tool_call_id: 'call_1', content: 'rain' }],
      tools: [weather],
    });
    assert.equal(message.content, 'Hello from the model tiny.');
  });

  it('ends the response, and keeps the start of the conversation, when tool calls fill the context', async () => {
    const { finish_reason } = await choice({ messages: user('Hello'), tools: [now], tool_choice: 'required' });
    assert.equal(finish_reason, 'length');
  });

  it('restricts a response to a JSON Schema, or to JSON', async () => {
    const schema = {
      type: 'object',
      properties: {
        ok: { type: 'boolean' },
        city: { anyOf: [{ const: 'Paris' }, { const: 'Rome' }] },
        list: { type: 'array', items: { $ref: '#/$defs/digit' }, minItems: 2, maxItems: 2 },
      },
      $defs: { digit: { enum: [1, 2] } },
    };
    const { message } = await choice({
      messages: user('Hello'),
      response_format: { type: 'json_schema', json_schema: { name: 'a', schema } },
      temperature: 0,
    });
    const answer = JSON.parse(message.content);
    assert.deepEqual(
      [typeof answer.ok, ['Paris', 'Rome'].includes(answer.city), answer.list.length],
      ['boolean', true, 2],
    );
    // Within JSON, text ends only by the probabilities of the model, and this one is random: the response may
    // be cut.
    const json = await choice({
      messages: user('/tool'),
      response_format: { type: 'json_object' },
      max_tokens: 64,
      temperature: 0,
    });
    assert.match(json.message.content, /^\s*[{[]/);
    if (json.finish_reason !== 'length') assert.equal(typeof JSON.parse(json.message.content), 'object');
  });

  it('computes two responses at the same time', async () => {
    const slow = () => events(server, 'chat/completions', { messages: user('/count'), max_tokens: 300 });
    const [one, two] = [slow(), slow()];
    await untilBusy(2);
    assert.deepEqual([(await one).length, (await two).length], [303, 303]);
  });

  it('stops computing when the client disconnects, also for a queued request', async () => {
    const caller = new AbortController();
    const answers = Array.from({ length: 3 }, () =>
      send(server, 'chat/completions', { messages: user('/count') }, caller.signal).then((answer) => answer.text()),
    );
    await untilBusy(2);
    caller.abort();
    await Promise.all(answers.map((answer) => assert.rejects(answer, { name: 'AbortError' })));
    await untilBusy(0);
    assert.equal((await choice({ messages: user('Hello?') })).message.content, 'Hello from the model tiny.');
  });

  it('notices that a client disconnects during prompt processing', async () => {
    const caller = new AbortController();
    const answer = send(server, 'chat/completions', { messages: user('a'.repeat(1000)) }, caller.signal);
    await untilBusy(1);
    caller.abort();
    await assert.rejects(answer, { name: 'AbortError' });
    await untilBusy(0);
    const { json } = await chat({ messages: user('a'.repeat(1000)), max_tokens: 1 });
    assert.ok(json.usage.prompt_tokens_details.cached_tokens < 1000, JSON.stringify(json.usage));
  });

  it('reuses the start of a conversation', async () => {
    const first = await chat({ messages: user('b'.repeat(200)), max_tokens: 1 });
    const again = await chat({
      messages: [...user('b'.repeat(200)), { role: 'assistant', content: 'c' }, ...user('d')],
      max_tokens: 1,
    });
    assert.ok(first.json.usage.prompt_tokens_details.cached_tokens <= 2);
    assert.ok(again.json.usage.prompt_tokens_details.cached_tokens >= 203, JSON.stringify(again.json.usage));
  });

  it('rejects unsupported requests, and names the unsupported part', async () => {
    const refused: readonly (readonly [object, RegExp])[] = [
      [
        { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }] },
        /reads text alone/,
      ],
      [
        { messages: user('a'), tools: [weather], response_format: { type: 'json_object' } },
        /leave out "response_format" or "tools"/,
      ],
      [
        { messages: user('a'), response_format: { type: 'json_schema', json_schema: { schema: { not: {} } } } },
        /cannot hold a model to "not"/,
      ],
      [{ messages: user('a'), tool_choice: 'required' }, /there is none/],
      [{ messages: [] }, /"messages" must NOT have fewer than 1 items/],
      [{ messages: user('a'), temperature: 'hot' }, /"temperature" must be number/],
    ];
    for (const [body, says] of refused) {
      const { status, json } = await chat(body);
      assert.equal(status, 400);
      assert.equal(json.error.type, 'invalid_request_error');
      assert.match(json.error.message, says);
    }
    assert.equal((await post(server, 'rerank', {})).status, 404);
  });

  it('rejects what the option "embeddings" excludes as final, and names the option', async () => {
    const embedder = await ground.start(await modelOf(ground.path('tiny.gguf')), { embeddings: true });
    for (const [to, route, option] of [
      [server, 'embeddings', 'embeddings: true'],
      [embedder, 'chat/completions', 'embeddings: false'],
      [embedder, 'completions', 'embeddings: false'],
    ] as const) {
      const { status, json } = await post(to, route, {});
      assert.deepEqual([status, json.error.code], [501, 'NOT_SUPPORTED']);
      assert.ok(json.error.message.includes(`Set "${option}"`), json.error.message);
    }
  });

  it('rejects a prompt that leaves no space for a response, with the numbers', async () => {
    const { status, json } = await chat({ messages: user('a'.repeat(2000)) });
    assert.equal(status, 400);
    assert.deepEqual(
      [json.error.code, json.error.details],
      ['context_length_exceeded', { prompt_tokens: 2004, context_length: 1024 }],
    );
  });

  it('treats null as a missing field, as OpenAI does', async () => {
    assert.equal((await chat({ messages: user('Hello?'), stop: null, seed: null, tools: null })).status, 200);
  });

  it('returns embeddings of length one, as numbers or in base64 as the client of OpenAI requests', async () => {
    const embedder = await ground.start(await modelOf(ground.path('tiny.gguf')), { embeddings: true });
    assert.deepEqual(embedder.info.endpoints, ['embeddings']);
    const { json } = await post(embedder, 'embeddings', { input: ['one text', 'another'] });
    const [first, second] = json.data.map(({ embedding }: { embedding: number[] }) => embedding);
    assert.ok(Math.abs(first.reduce((sum: number, value: number) => sum + value * value, 0) - 1) < 1e-3);
    assert.notDeepEqual(first, second);
    assert.deepEqual(json.usage, { prompt_tokens: 15, total_tokens: 15 });
    const { baseUrl: baseURL, headers = {} } = embedder.endpoint();
    const client = new OpenAI({
      baseURL,
      apiKey: headers['authorization']!.split(' ')[1]!,
      defaultHeaders: { connection: 'close' },
    });
    const { data } = await client.embeddings.create({ model: 'tiny', input: 'one text' });
    assert.equal(data[0]!.embedding.length, first.length);
    assert.ok(Math.abs(data[0]!.embedding[0]! - first[0]) < 1e-6);
  });

  it('accepts another chat template, and values for it', async () => {
    const template =
      "{%- for message in messages %}{{ (('<|assistant|>' if message.role == 'assistant' else '<|user|>') + message.content + '<|end|>') }}{%- endfor %}{%- if add_generation_prompt %}{{ '<|assistant|>' }}{%- if loud %}{{ '<|count|>' }}{%- endif %}{%- if thinking == 'begun' %}{{ '<think>' }}{%- elif thinking == 'over' %}{{ '<think></think>' }}{%- endif %}{%- endif %}";
    const other = await ground.start(await modelOf(ground.path('tiny.gguf')), {
      chat_template: template,
      chat_template_kwargs: { loud: true },
    });
    const { json } = await post(other, 'chat/completions', { messages: user('Hello'), max_tokens: 3 });
    assert.equal(json.choices[0].message.content, '1 2 3');
    const quiet = await post(other, 'chat/completions', {
      messages: user('Hello'),
      chat_template_kwargs: { loud: false },
    });
    assert.equal(quiet.json.choices[0].message.content, 'Hello from the model tiny.');
    const thinking = async (state: string) =>
      (
        await post(other, 'chat/completions', {
          messages: user('Hello'),
          chat_template_kwargs: { loud: false, thinking: state },
        })
      ).json.choices[0].message;
    assert.deepEqual(await thinking('begun'), {
      role: 'assistant',
      content: '',
      reasoning_content: 'Hello from the model tiny.',
    });
    assert.deepEqual(await thinking('over'), { role: 'assistant', content: 'Hello from the model tiny.' });
  });

  it('lets the library build the prompt when it knows the template', async () => {
    const chatMl =
      "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    const other = await ground.start(await modelOf(ground.path('tiny.gguf')), { chat_template: chatMl });
    const { status, json } = await post(other, 'chat/completions', { messages: user('Hello'), max_tokens: 8 });
    assert.equal(status, 200);
    assert.ok(json.usage.prompt_tokens > 30);
  });

  async function untilBusy(count: number): Promise<void> {
    while ((await busy(server)) !== count) await setTimeout(5);
  }
});
