// What an engine gets for a request of Anthropic's clients.
import assert from 'node:assert/strict';
import { TestApi } from './api.js';

const png = 'iVBORw0KGgo=';
const weather = { name: 'weather', description: 'The weather', input_schema: { type: 'object', properties: {} } };
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const text = (value: string) => ({ type: 'text', text: value });
const toolUse = (id: string, input: object = {}) => ({ type: 'tool_use', id, name: 'weather', input });
const result = (id: string, more: object = {}) => ({ type: 'tool_result', tool_use_id: id, ...more });

describe('a request of the Messages API', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open()));
  beforeEach(() => api.reset());
  after(() => api.close());

  const messagesFor = async (...messages: object[]) => (await api.translated({ messages })).messages;
  const refusalOf = async (body: object) => {
    const { type, error } = await api.answer(body);
    assert.equal(type, 'error');
    return error as { type: string; message: string; param: string };
  };

  it('keeps the parameters of generation, and leaves out what only Anthropic knows', async () => {
    const { messages, stream, stream_options, ...parameters } = await api.translated({
      ...{ temperature: 0.5, top_p: 0.9, top_k: 40, stop_sequences: ['Z'], max_tokens: 7, stream: false },
      ...{ metadata: { user_id: 'u' }, service_tier: 'auto', context_management: { edits: [] }, container: null },
      ...{ thinking: { type: 'adaptive' }, cache_control: { type: 'ephemeral' }, mcp_servers: [], betas: ['x'] },
    });
    const expected = { model: 'scripted', temperature: 0.5, top_p: 0.9, top_k: 40, stop: ['Z'], max_tokens: 7 };
    assert.deepEqual(parameters, expected);
    assert.deepEqual([messages, stream, stream_options], [[user('Hello?')], true, { include_usage: true }]);
  });

  it('takes fields that are null as missing', async () => {
    const empty = {
      temperature: null,
      top_k: null,
      stop_sequences: null,
      tools: null,
      tool_choice: null,
      system: null,
    };
    const { temperature, top_k, stop, tools } = await api.translated({ ...empty, thinking: null, output_config: null });
    assert.deepEqual([temperature, top_k, stop, tools], [undefined, undefined, undefined, undefined]);
  });

  it('has one system message, of the prompt and the first messages, without the header for billing', async () => {
    const prompt = await api.translated({ system: 'Be brief.' });
    assert.deepEqual(prompt.messages[0], { role: 'system', content: 'Be brief.' });
    const { messages } = await api.translated({
      system: [
        text('x-anthropic-billing-header: cc_version=2.1.197.7d5; cc_entrypoint=cli;'),
        { ...text('You are an agent.'), cache_control: { type: 'ephemeral' } },
        text('Be brief.'),
      ],
      messages: [{ role: 'system', content: 'In French.' }, user('Hi')],
    });
    assert.deepEqual(messages, [
      { role: 'system', content: 'You are an agent.\n\nBe brief.\n\nIn French.' },
      user('Hi'),
    ]);
  });

  it('adds a later system message to the turn of the user', async () => {
    const messages = await messagesFor(
      user('Hi'),
      assistant('Hello'),
      { role: 'system', content: 'A file changed.' },
      user('What now?'),
    );
    assert.deepEqual(messages, [user('Hi'), assistant('Hello'), user('A file changed.\n\nWhat now?')]);
  });

  it('joins messages of one side that follow each other', async () => {
    const messages = await messagesFor(user('One'), user([text('Two')]), assistant('A'), assistant([text('B')]));
    assert.deepEqual(messages, [user('One\n\nTwo'), assistant('AB')]);
  });

  it('has images as data URLs, in their place between texts', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
    const [message] = await messagesFor(user([text('Before'), image, text('After')]));
    const url = `data:image/png;base64,${png}`;
    assert.deepEqual(message!['content'], [text('Before'), { type: 'image_url', image_url: { url } }, text('After')]);
  });

  it('has the text of documents and search results', async () => {
    const [message] = await messagesFor(
      user([
        { type: 'document', title: 'Notes', source: { type: 'text', media_type: 'text/plain', data: 'One' } },
        { type: 'document', source: { type: 'content', content: [text('Two')] } },
        { type: 'search_result', title: 'Page', source: 'https://example.org', content: [text('Three')] },
        text('Summarise.'),
      ]),
    );
    assert.equal(message!['content'], 'Notes\n\nOne\n\nTwo\n\nPage\n\nThree\n\nSummarise.');
  });

  it('has calls of tools, and their results before the rest of the turn', async () => {
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: png } };
    const messages = await messagesFor(
      user('Weather?'),
      assistant([text('I look.'), toolUse('a', { city: 'Paris' }), toolUse('b')]),
      user([
        text('Here it is.'),
        result('a', { content: [text('rain'), image] }),
        result('b', { content: 'no such city', is_error: true }),
      ]),
    );
    const call = (id: string, json: string) => ({
      id,
      type: 'function',
      function: { name: 'weather', arguments: json },
    });
    assert.deepEqual(messages.slice(1), [
      { role: 'assistant', content: 'I look.', tool_calls: [call('a', '{"city":"Paris"}'), call('b', '{}')] },
      { role: 'tool', tool_call_id: 'a', content: 'rain' },
      { role: 'tool', tool_call_id: 'b', content: 'Error: no such city' },
      user([text('Here it is.'), { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${png}` } }]),
    ]);
  });

  it('has results without content, in a turn of nothing else', async () => {
    const messages = await messagesFor(user('Do it'), assistant([toolUse('a')]), user([result('a')]));
    assert.deepEqual(messages[2], { role: 'tool', tool_call_id: 'a', content: '' });
    assert.equal(messages.length, 3);
  });

  it('has results that came in several messages', async () => {
    const calls = assistant([toolUse('a'), toolUse('b')]);
    const messages = await messagesFor(user('Do it'), calls, user('First:'), user([result('a')]), user([result('b')]));
    assert.deepEqual(
      messages.slice(2).map(({ role }) => role),
      ['tool', 'tool', 'user'],
    );
  });

  it('has the thinking of earlier answers, and drops what is redacted or of tools of a server', async () => {
    const messages = await messagesFor(
      user('Hi'),
      assistant([
        { type: 'thinking', thinking: 'Hm.', signature: 'of another server' },
        { type: 'redacted_thinking', data: 'x' },
        { type: 'server_tool_use', id: 's', name: 'web_search', input: {} },
        { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
        text('Hello'),
      ]),
      user('And?'),
    );
    assert.deepEqual(messages[1], { role: 'assistant', content: 'Hello', reasoning_content: 'Hm.' });
  });

  it('keeps an assistant message at the end, which the engine continues', async () => {
    assert.deepEqual(await messagesFor(user('Hi'), assistant('He')), [user('Hi'), assistant('He')]);
  });

  it('has the tools of the client, without those of a server', async () => {
    const { tools, tool_choice } = await api.translated({
      tools: [
        { ...weather, type: 'custom', cache_control: { type: 'ephemeral' }, strict: true },
        { type: 'web_search_20250305', name: 'web_search' },
        { name: 'time', type: null },
      ],
    });
    assert.deepEqual(tools, [
      { type: 'function', function: { name: 'weather', description: 'The weather', parameters: weather.input_schema } },
      { type: 'function', function: { name: 'time', parameters: { type: 'object', properties: {} } } },
    ]);
    assert.equal(tool_choice, undefined);
  });

  it('has no tools at all when the server has all of them', async () => {
    const request = await api.translated({
      tools: [{ type: 'bash_20250124', name: 'bash' }],
      tool_choice: { type: 'auto' },
    });
    assert.deepEqual([request['tools'], request['tool_choice']], [undefined, undefined]);
  });

  it('takes 400 tools', async () => {
    const tools = Array.from({ length: 400 }, (_, index) => ({
      ...weather,
      name: `tool_${index}`,
      description: 'x'.repeat(2_000),
    }));
    assert.equal(((await api.translated({ tools }))['tools'] as object[]).length, 400);
  });

  const named = { type: 'function', function: { name: 'weather' } };
  for (const [choice, expected] of [
    [{ type: 'auto' }, 'auto'],
    [{ type: 'any' }, 'required'],
    [{ type: 'none' }, 'none'],
    [{ type: 'tool', name: 'weather' }, named],
  ] as const)
    it(`has the choice of tools "${choice.type}"`, async () => {
      const { tool_choice, parallel_tool_calls } = await api.translated({ tools: [weather], tool_choice: choice });
      assert.deepEqual([tool_choice, parallel_tool_calls], [expected, undefined]);
    });

  it('says that calls shall not be parallel', async () => {
    const tool_choice = { type: 'auto', disable_parallel_tool_use: true };
    assert.equal((await api.translated({ tools: [weather], tool_choice }))['parallel_tool_calls'], false);
  });

  it('switches thinking on and off, and has the effort in words that engines know', async () => {
    const on = await api.translated({
      thinking: { type: 'enabled', budget_tokens: 50 },
      output_config: { effort: 'low' },
    });
    const off = await api.translated({ thinking: { type: 'disabled' }, output_config: { effort: 'max' } });
    const fields = ({ chat_template_kwargs, reasoning_effort }: Record<string, unknown>) => [
      chat_template_kwargs,
      reasoning_effort,
    ];
    assert.deepEqual(fields(on), [{ enable_thinking: true }, 'low']);
    assert.deepEqual(fields(off), [{ enable_thinking: false }, 'high']);
  });

  it('has the schema of an answer in JSON', async () => {
    const schema = { type: 'object', properties: { a: { type: 'number' } } };
    const { response_format } = await api.translated({ output_config: { format: { type: 'json_schema', schema } } });
    assert.deepEqual(response_format, { type: 'json_schema', json_schema: { name: 'answer', schema } });
  });

  for (const [what, body, param] of [
    [
      'an image by URL',
      { messages: [user([{ type: 'image', source: { type: 'url', url: 'https://example.org/a.png' } }])] },
      'messages.0.content.0.source',
    ],
    [
      'an uploaded image',
      { messages: [user([{ type: 'image', source: { type: 'file', file_id: 'f' } }])] },
      'messages.0.content.0.source',
    ],
    [
      'a PDF',
      {
        messages: [
          user([text('a'), { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'x' } }]),
        ],
      },
      'messages.0.content.1.source',
    ],
    ['a text without text', { messages: [user([{ type: 'text' }])] }, 'messages.0.content.0.text'],
    ['a block of an unknown type', { messages: [user([{ type: 'hologram' }])] }, 'messages.0.content.0'],
    ['a result without its call', { messages: [user([result('a')])] }, 'messages.0.content.0.tool_use_id'],
    [
      'a call without a name',
      { messages: [user('a'), assistant([{ type: 'tool_use', id: 'a' }])] },
      'messages.1.content.0.name',
    ],
    [
      'a result that is a number',
      { messages: [user('a'), assistant([toolUse('a')]), user([result('a', { content: 1 })])] },
      'messages.2.content.0.content',
    ],
    [
      'a choice of a tool of a server',
      { tools: [weather, { type: 'bash_20250124', name: 'bash' }], tool_choice: { type: 'tool', name: 'bash' } },
      'tool_choice.name',
    ],
    ['an unknown choice of tools', { tools: [weather], tool_choice: { type: 'perhaps' } }, 'tool_choice.type'],
    ['a tool without a name', { tools: [{ description: 'a' }] }, 'tools.0.name'],
    [
      'a format without a schema',
      { output_config: { format: { type: 'json_schema' } } },
      'output_config.format.schema',
    ],
  ] as const)
    it(`is refused with ${what}`, async () => {
      const error = await refusalOf(body);
      assert.deepEqual([error.type, error.param], ['invalid_request_error', param]);
      assert.equal(api.seen.length, 0);
    });

  for (const [what, body] of [
    ['without messages', { messages: undefined }],
    ['with no message in them', { messages: [] }],
    ['without a model', { model: undefined }],
    ['with an unknown role', { messages: [{ role: 'tool', content: 'a' }] }],
    ['with a limit of no token', { max_tokens: 0 }],
  ] as const)
    it(`is refused ${what}`, async () => {
      assert.equal((await refusalOf(body)).type, 'invalid_request_error');
    });

  it('may have a larger limit than fits: an engine that refuses it is asked again without', async () => {
    const details = { type: 'invalid_request_error', code: 'context_length_exceeded', context_length: 100 };
    api.refuse = ({ max_tokens }) =>
      max_tokens === undefined
        ? undefined
        : [400, { ...details, message: 'max_tokens is too large', prompt_tokens: 60 }];
    const { content } = await api.answer({ max_tokens: 32_000 });
    assert.deepEqual(content, [text('Hello')]);
    assert.deepEqual(
      api.seen.map(({ max_tokens }) => max_tokens),
      [32_000, undefined],
    );
  });

  it('has an estimate of its tokens: a quarter of the bytes of its texts', async () => {
    const count = async (body: object) => (await api.answer(body, '/v1/messages/count_tokens'))['input_tokens'];
    const messages = [user('é'.repeat(200))];
    assert.equal(await count({ messages }), 100);
    assert.equal(await count({ messages, system: 'x'.repeat(40) }), 110);
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png.repeat(1_000) } };
    assert.equal(await count({ messages: [user([text('x'.repeat(400)), image])] }), 100);
    assert.ok((await count({ messages, tools: [weather] })) > 110);
  });
});
