// Real error bodies of engines, converted to Lamina's format.
import assert from 'node:assert/strict';
import { readEngineError } from '../../dist/inference/engine-error.js';
import { usageIn } from '../../dist/inference/usage.js';

describe("an engine's error", () => {
  const read = (status: number, body: unknown) =>
    readEngineError(status, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)));

  it('is read from llama.cpp', () => {
    assert.deepEqual(
      read(400, {
        error: {
          code: 400,
          message: 'too long',
          type: 'exceed_context_size_error',
          n_prompt_tokens: 15023,
          n_ctx: 2048,
        },
      }),
      {
        message: 'too long',
        type: 'invalid_request_error',
        code: 'exceed_context_size_error',
        details: { n_prompt_tokens: 15023, n_ctx: 2048 },
      },
    );
    assert.deepEqual(read(501, { error: { code: 501, message: 'off', type: 'not_supported_error' } }), {
      message: 'off',
      type: 'server_error',
      code: 'not_supported_error',
    });
  });

  it('is read from Lamina and the embedded engine, with its details', () => {
    const error = {
      message: 'too long',
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      details: { prompt_tokens: 15023, context_length: 2048 },
    };
    assert.deepEqual(read(400, { error }), error);
  });

  it('is read from vLLM, current and older versions', () => {
    assert.deepEqual(
      read(404, {
        error: { message: 'The model `x` does not exist.', type: 'NotFoundError', param: 'model', code: 404 },
      }),
      {
        message: 'The model `x` does not exist.',
        type: 'not_found_error',
        code: 'NotFoundError',
        param: 'model',
      },
    );
    assert.deepEqual(
      read(400, { object: 'error', message: 'too long', type: 'BadRequestError', param: null, code: 40_303 }),
      {
        message: 'too long',
        type: 'invalid_request_error',
        code: 'BadRequestError',
        details: { engine_code: 40_303 },
      },
    );
    assert.deepEqual(read(401, { error: 'Unauthorized' }), {
      message: 'Unauthorized',
      type: 'authentication_error',
      code: 'engine_error',
    });
  });

  it('is read from FastAPI, which lists the invalid fields', () => {
    const detail = [
      { loc: ['body', 'messages'], msg: 'Field required', type: 'missing' },
      { loc: ['body', 'n'], msg: 'too small' },
    ];
    assert.deepEqual(read(422, { detail }), {
      message: 'messages: Field required; n: too small',
      type: 'invalid_request_error',
      code: 'engine_error',
      details: { detail },
    });
    assert.equal(read(401, { detail: 'Invalid API Key' }).message, 'Invalid API Key');
  });

  it('is read from OpenAI, with its code', () => {
    assert.deepEqual(
      read(429, { error: { message: 'slow down', type: 'requests', param: null, code: 'rate_limit_exceeded' } }),
      { message: 'slow down', type: 'rate_limit_error', code: 'rate_limit_exceeded' },
    );
  });

  it('is read when the body is not JSON, empty or of another type', () => {
    assert.equal(read(500, 'Internal Server Error').message, 'Internal Server Error');
    assert.equal(read(502, '').message, 'The engine answered with status 502 and no body.');
    for (const body of [
      'null',
      '[]',
      '7',
      '{}',
      '{"error":null}',
      '{"error":{"message":7}}',
      '{"detail":[null,"x"]}',
    ]) {
      const { message, type, code } = read(500, body);
      assert.ok(message.length > 0, body);
      assert.deepEqual([type, code], ['server_error', 'engine_error'], body);
    }
  });
});

describe('the usage at the end of a response', () => {
  const find = (...parts: string[]) => usageIn(parts.map((part) => Buffer.from(part)));

  it('is found in a complete response and in a stream', () => {
    assert.deepEqual(
      find('{"choices":[],"usage":{"total_tokens":3,"prompt_tokens_details":{"cached_tokens":1}},"timings":{}}'),
      { total_tokens: 3, prompt_tokens_details: { cached_tokens: 1 } },
    );
    assert.deepEqual(find('data: {"usage":{"total_tokens":2}}\n\n', 'data: [DONE]\n\n'), { total_tokens: 2 });
  });

  it('is not read from the text of the model, nor from an incomplete object', () => {
    assert.equal(find('{"content":"\\"usage\\":{\\"total_tokens\\":9}"}'), undefined);
    assert.equal(find('data: {"usage":null}\n\n'), undefined);
    assert.equal(find('{"usage":{"total_tokens":'), undefined);
    assert.equal(find('{"usage":{total}}'), undefined);
    assert.equal(find(), undefined);
  });
});
