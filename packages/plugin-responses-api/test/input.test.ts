// What the engine gets for a request: messages, tools and parameters of a chat completion.
import assert from 'node:assert/strict';
import { ResponsesServer, type Loose } from './support/server.js';

const server = new ResponsesServer();

/** The chat that the engine gets for a request. */
async function chatOf(body: object): Promise<Loose> {
  const { error } = (await server.create({ input: 'Hi', ...body })) as Loose;
  assert.equal(error, null);
  return server.chats.at(-1);
}

const messagesOf = async (...input: object[]): Promise<Loose[]> => (await chatOf({ input })).messages;

describe('the input of a response', () => {
  before(() => server.open());
  after(() => server.close());

  it('is a text, after the instructions', async () => {
    assert.deepEqual((await chatOf({ instructions: 'Be brief.' })).messages, [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ]);
  });

  it('is messages, with or without a type, whose content is a text or parts', async () => {
    assert.deepEqual(
      await messagesOf(
        { role: 'user', content: 'One' },
        {
          type: 'message',
          role: 'assistant',
          id: 'msg_1',
          status: 'completed',
          content: [{ type: 'output_text', text: 'Two', annotations: [] }],
        },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'Three' },
            { type: 'input_text', text: 'Four' },
          ],
        },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      ),
      [
        { role: 'user', content: 'One' },
        { role: 'assistant', content: 'Two' },
        { role: 'user', content: 'Three\nFour' },
        { role: 'assistant', content: 'No.' },
      ],
    );
  });

  it('may begin with several system and developer messages, which become one', async () => {
    const input = [
      { role: 'developer', content: 'b' },
      { role: 'system', content: [{ type: 'input_text', text: 'c' }] },
      { role: 'user', content: 'Hi' },
      { role: 'developer', content: 'd' },
    ];
    assert.deepEqual((await chatOf({ instructions: 'a', input })).messages, [
      { role: 'system', content: 'a\n\nb\n\nc' },
      { role: 'user', content: 'Hi' },
      { role: 'system', content: 'd' },
    ]);
  });

  it('has images', async () => {
    const url = 'data:image/png;base64,AA==';
    const [message] = await messagesOf({
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is it?' },
        { type: 'input_image', image_url: url, detail: 'low' },
      ],
    });
    assert.deepEqual(message.content, [
      { type: 'text', text: 'What is it?' },
      { type: 'image_url', image_url: { url, detail: 'low' } },
    ]);
  });

  it('has one message for all that the model said in a turn, and its calls are paired by call_id', async () => {
    assert.deepEqual(
      await messagesOf(
        { role: 'user', content: 'Weather?' },
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Two cities.' }] },
        { role: 'assistant', content: 'I look.' },
        { type: 'function_call', id: 'fc_1', call_id: 'a', name: 'weather', arguments: '{"city":"Paris"}' },
        { type: 'function_call', id: 'fc_2', call_id: 'b', name: 'weather', arguments: '{"city":"Rome"}' },
        { type: 'function_call_output', call_id: 'a', output: 'rain' },
        { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'sun' }] },
      ),
      [
        { role: 'user', content: 'Weather?' },
        {
          role: 'assistant',
          content: 'I look.',
          reasoning_content: 'Two cities.',
          tool_calls: [
            { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } },
            { id: 'b', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: 'rain' },
        { role: 'tool', tool_call_id: 'b', content: 'sun' },
      ],
    );
  });

  it('leaves out reasoning without an answer, and items of tools that only OpenAI runs', async () => {
    assert.deepEqual(
      await messagesOf(
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
        { type: 'web_search_call', id: 'ws_1', status: 'completed' },
        { type: 'custom_tool_call', call_id: 'c', name: 'n', input: 'x' },
        { type: 'compaction', encrypted_content: 'x' },
        { role: 'user', content: 'Hi' },
      ),
      [{ role: 'user', content: 'Hi' }],
    );
  });

  it('prefers the reasoning itself to its summary', async () => {
    const [message] = await messagesOf(
      {
        type: 'reasoning',
        summary: [{ type: 'summary_text', text: 's' }],
        content: [{ type: 'reasoning_text', text: 'r' }],
      },
      { role: 'assistant', content: 'a' },
    );
    assert.equal(message.reasoning_content, 'r');
  });
});

describe('the parameters of a response', () => {
  before(() => server.open());
  after(() => server.close());

  it('have the names of chat completions', async () => {
    const {
      model,
      messages: _messages,
      stream,
      stream_options: _usage,
      ...parameters
    } = await chatOf({
      max_output_tokens: 9,
      temperature: 0,
      top_p: 0.5,
      reasoning: { effort: 'low', summary: 'auto' },
    });
    assert.deepEqual([model, stream], ['scripted', true]);
    assert.deepEqual(parameters, { max_tokens: 9, temperature: 0, top_p: 0.5, reasoning_effort: 'low' });
  });

  it('are left out when they are null or unknown', async () => {
    const nulls = [
      'instructions',
      'temperature',
      'top_p',
      'max_output_tokens',
      'reasoning',
      'text',
      'tools',
      'tool_choice',
    ];
    const more = [
      'metadata',
      'store',
      'previous_response_id',
      'conversation',
      'prompt',
      'background',
      'parallel_tool_calls',
      'user',
    ];
    const chat = await chatOf({
      ...Object.fromEntries([...nulls, ...more].map((name) => [name, null])),
      include: ['reasoning.encrypted_content'],
      truncation: 'auto',
      prompt_cache_key: 'k',
      client_metadata: {},
      something: 1,
    });
    assert.deepEqual(Object.keys(chat).sort(), ['messages', 'model', 'stream', 'stream_options']);
    assert.equal((await chatOf({ reasoning: { effort: null, summary: 'auto' } })).reasoning_effort, undefined);
  });

  it('have the format of the text', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const format = { type: 'json_schema', name: 'place', schema, strict: true };
    assert.deepEqual((await chatOf({ text: { format, verbosity: 'low' } })).response_format, {
      type: 'json_schema',
      json_schema: { name: 'place', schema, strict: true },
    });
    assert.deepEqual((await chatOf({ text: { format: { type: 'json_object' } } })).response_format, {
      type: 'json_object',
    });
    assert.equal((await chatOf({ text: { format: { type: 'text' } } })).response_format, undefined);
  });

  const parameters = { type: 'object', properties: {} };
  const f = { type: 'function', name: 'f', description: 'd', parameters, strict: true };
  const g = { type: 'function', name: 'g', parameters: null, strict: null };
  const others = [{ type: 'web_search' }, { type: 'namespace', name: 'n', tools: [f] }, { type: 'custom', name: 'c' }];
  const chatF = { type: 'function', function: { name: 'f', description: 'd', parameters, strict: true } };
  const chatG = { type: 'function', function: { name: 'g' } };

  it('have the functions among the tools', async () => {
    const chat = await chatOf({ tools: [...others, f, g], parallel_tool_calls: false });
    assert.deepEqual([chat.tools, chat.tool_choice, chat.parallel_tool_calls], [[chatF, chatG], 'auto', false]);
    const without = await chatOf({ tools: others, tool_choice: 'auto', parallel_tool_calls: true });
    assert.deepEqual(
      [without.tools, without.tool_choice, without.parallel_tool_calls],
      [undefined, undefined, undefined],
    );
  });

  it('have the choice of a tool, in a way that every engine knows', async () => {
    const choice = async (tool_choice: unknown) => {
      const chat = await chatOf({ tools: [f, g], tool_choice });
      return [chat.tools.length, chat.tool_choice, chat.tools[0].function.name];
    };
    assert.deepEqual(await choice('none'), [2, 'none', 'f']);
    assert.deepEqual(await choice('required'), [2, 'required', 'f']);
    assert.deepEqual(await choice({ type: 'function', name: 'g' }), [1, 'required', 'g']);
    const allowed = { type: 'allowed_tools', tools: [{ type: 'function', name: 'g' }] };
    assert.deepEqual(await choice({ ...allowed, mode: 'auto' }), [1, 'auto', 'g']);
    assert.deepEqual(await choice({ ...allowed, mode: 'required' }), [1, 'required', 'g']);
  });
});
