// Errors before a response begins: the shape, codes and fields of OpenAI's API.
import assert from 'node:assert/strict';
import { keys, ResponsesServer, type Loose } from './support/server.js';

const server = new ResponsesServer();

async function errorOf(body: object, key: string = keys[0]): Promise<Loose> {
  const response = await server.post({ input: 'Hi', ...body }, key);
  const { error } = (await response.json()) as Loose;
  assert.deepEqual(Object.keys(error), ['message', 'type', 'param', 'code']);
  return { status: response.status, ...error };
}

describe('an error of a request for a response', () => {
  before(() => server.open());
  after(() => server.close());

  for (const stream of [false, true]) {
    it(`has the status and the code of the API, ${stream ? 'also for a stream' : 'for a response that is not streamed'}`, async () => {
      const { status, code, type, message } = await errorOf({ model: 'absent', stream });
      assert.deepEqual([status, code, type], [404, 'model_not_found', 'not_found_error']);
      assert.match(message, /"absent" was not found/);
      assert.deepEqual((await errorOf({ model: 'refusing', stream })).status, 418);
    });
  }

  it('names a key that is not valid', async () => {
    const { status, code } = await errorOf({}, 'a wrong key');
    assert.deepEqual([status, code], [401, 'invalid_api_key']);
  });

  it('says what stored responses would be needed for', async () => {
    const fields = [
      ['previous_response_id', 'resp_1', 'previous_response_not_found'],
      ['conversation', 'conv_1', 'unsupported_parameter'],
      ['prompt', { id: 'pmpt_1' }, 'unsupported_parameter'],
      ['background', true, 'unsupported_parameter'],
    ] as const;
    for (const [param, value, code] of fields) {
      const error = await errorOf({ [param]: value });
      assert.deepEqual([error.status, error.param, error.code], [400, param, code]);
      assert.match(error.message, /stores no responses/);
    }
  });

  const part = (value: object) => ({ input: [{ role: 'user', content: [value] }] });
  const wrong: readonly (readonly [string, object, string, RegExp])[] = [
    ['no input', { input: undefined }, 'input', /input/],
    ['an empty input', { input: [] }, 'input', /has no message/],
    ['an input that is a number', { input: 1 }, 'input', /input/],
    ['a role that nobody knows', { input: [{ role: 'robot', content: 'x' }] }, 'input[0].role', /must be user/],
    ['a content that is a number', { input: [{ role: 'user', content: 1 }] }, 'input[0].content', /text or a list/],
    [
      'a file',
      part({ type: 'input_file', file_id: 'f' }),
      'input[0].content[0]',
      /"input_file", which is not supported/,
    ],
    ['an image by its id', part({ type: 'input_image', file_id: 'f' }), 'input[0].content[0]', /data URL/],
    [
      'an image of the assistant',
      { input: [{ role: 'assistant', content: [{ type: 'input_image', image_url: 'x' }] }] },
      'input[0].content',
      /must be text/,
    ],
    [
      'a call without a name',
      { input: [{ type: 'function_call', call_id: 'a', arguments: '{}' }] },
      'input[0]',
      /"name"/,
    ],
    [
      'a result without a call',
      { input: [{ type: 'function_call_output', output: 'x' }] },
      'input[0].call_id',
      /"call_id"/,
    ],
    ['a tool without a name', { tools: [{ type: 'function' }] }, 'tools', /no "name"/],
    [
      'a choice that is no tool',
      { tools: [], tool_choice: { type: 'function', name: 'f' } },
      'tool_choice',
      /no function in "tools"/,
    ],
    [
      'a choice of a tool that is left out',
      { tools: [{ type: 'web_search' }], tool_choice: { type: 'web_search' } },
      'tool_choice',
      /not supported/,
    ],
    ['a required call without tools', { tool_choice: 'required' }, 'tool_choice', /has no function/],
    ['a choice that is no word of the API', { tool_choice: 'perhaps' }, 'tool_choice', /not supported/],
    ['a format without a schema', { text: { format: { type: 'json_schema' } } }, 'text.format', /"schema"/],
    ['a format of another name', { text: { format: { type: 'xml' } } }, 'text.format', /json_object/],
    ['no tokens at all', { max_output_tokens: 0 }, 'max_output_tokens', /max_output_tokens/],
  ];
  for (const [what, body, param, message] of wrong) {
    it(`names the field of ${what}`, async () => {
      const error = await errorOf(body);
      assert.deepEqual([error.status, error.type, error.param], [400, 'invalid_request_error', param]);
      assert.match(error.message, message);
    });
  }

  it('says that responses cannot be read or deleted later', async () => {
    for (const method of ['GET', 'DELETE']) {
      const headers = { authorization: `Bearer ${keys[0]}` };
      const response = await fetch(`${server.url}/v1/responses/resp_1`, { method, headers });
      assert.equal(response.status, 404);
      assert.match(((await response.json()) as Loose).error.message, /stores no responses/);
    }
  });
});
