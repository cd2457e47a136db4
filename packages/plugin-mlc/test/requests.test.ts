import assert from 'node:assert/strict';
import { LaminaError } from '@lamina/core/plugin';
import { readError } from '../dist/errors.js';
import { progressOf } from '../dist/progress.js';
import { adaptRequest } from '../dist/requests.js';
import { modelOf } from './model.js';

describe('a request for MLC-LLM', () => {
  it('omits `user`, which MLC-LLM would use as the id of the request', () => {
    assert.deepEqual(adaptRequest({ model: 'm', messages: [], user: 'someone' }), { model: 'm', messages: [] });
  });

  it('has its limit under the name that MLC-LLM knows', () => {
    assert.deepEqual(adaptRequest({ max_completion_tokens: 7 }), { max_tokens: 7 });
    assert.deepEqual(adaptRequest({ max_completion_tokens: 7, max_tokens: 5 }), { max_tokens: 5 });
  });

  it('has its JSON schema as text', () => {
    const schema = { type: 'object', properties: { a: { type: 'integer' } } };
    assert.deepEqual(adaptRequest({ response_format: { type: 'json_schema', json_schema: { name: 'x', schema } } }), {
      response_format: { type: 'json_object', schema: JSON.stringify(schema) },
    });
    for (const response_format of [{ type: 'text' }, { type: 'json_object' }])
      assert.deepEqual(adaptRequest({ response_format }), { response_format });
  });
});

describe('an error of MLC-LLM', () => {
  const read = (status: number, body: unknown, route = 'chat/completions') =>
    readError(status, Buffer.from(JSON.stringify(body)), { model: modelOf(), route });

  it('about embeddings without an embedding model is final, and names the option of Lamina', () => {
    const error = read(404, { detail: 'Not Found' }, 'embeddings');
    assert.ok(LaminaError.is(error, 'NOT_SUPPORTED') && error.message.includes('"embedding_model"'));
  });

  it('that is JSON in a JSON string is parsed twice', () => {
    const body = JSON.stringify({
      object: 'error',
      message: 'Only one tool is supported when tool_choice is specified',
      code: 400,
    });
    assert.deepEqual(read(400, body), {
      message: 'Only one tool is supported when tool_choice is specified',
      type: 'invalid_request_error',
      code: 'invalid_request_error',
    });
  });

  it('about a prompt that is too long has the code and the numbers of OpenAI', () => {
    const message = 'Request prompt has 9000 tokens in total, larger than the model input length limit 4096.';
    const wire = read(400, JSON.stringify({ object: 'error', message, code: 400 }));
    assert.deepEqual(wire, {
      message,
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      details: { prompt_tokens: 9000, context_length: 4096 },
    });
  });

  it('of FastAPI is a message, or names the invalid field', () => {
    assert.deepEqual(read(401, { detail: 'Invalid API Key' }), {
      message: 'Invalid API Key',
      type: 'invalid_request_error',
      code: 'invalid_request_error',
    });
    const checks = [
      { type: 'missing', loc: ['body', 'messages'], msg: 'Field required', input: {} },
      { loc: ['body', 'messages', 0, 'role'], msg: 'Input should be a valid string' },
    ];
    assert.deepEqual(read(422, { detail: checks }), {
      message: 'messages: Field required; messages.0.role: Input should be a valid string',
      type: 'invalid_request_error',
      code: 'invalid_request_error',
      param: 'messages',
    });
    assert.deepEqual(read(422, { detail: [{ loc: ['body'], msg: 'JSON decode error' }] }), {
      message: 'JSON decode error',
      type: 'invalid_request_error',
      code: 'invalid_request_error',
    });
  });

  it('of another shape is read by the default rules', () => {
    for (const body of [{}, [], 7, 'a plain text', { detail: [] }, { detail: 7 }])
      assert.equal(read(500, body), undefined);
    assert.equal(read(500, 'Internal Server Error'), undefined);
  });
});

describe('a line of MLC-LLM', () => {
  const stageOf = (line: string) => progressOf(line)?.stage;

  it('reports that it compiles, which may take minutes, and the next stage', () => {
    assert.equal(
      stageOf('[2026-08-20 10:00:00] INFO jit.py:118: Compiling using commands below:'),
      'compiling the model library',
    );
    assert.equal(
      stageOf(
        '[2026-08-20 10:00:00] INFO jit.py:126: Using compiled model lib: /var/cache/mlc_llm/model_lib/8da4c80d.so',
      ),
      'loading the model library',
    );
    assert.equal(
      stageOf('[2026-08-20 10:00:00] INFO engine_base.py:142: Using library model: ./libs/tiny-rocm.so'),
      'loading the model library',
    );
    assert.equal(
      stageOf(
        '[11:30:59] /workspace/cpp/serve/config.cc:879: The actual engine mode is "interactive". So max batch size is 1, max KV cache token capacity is 131230, prefill chunk size is 2048.',
      ),
      'loading weights',
    );
    assert.equal(stageOf('INFO:     Waiting for application startup.'), 'opening the port');
  });

  it('usually reports no stage', () =>
    assert.equal(stageOf('[2026-03-04 11:30:58] INFO auto_device.py:82: Found device: rocm:0'), undefined));
});
