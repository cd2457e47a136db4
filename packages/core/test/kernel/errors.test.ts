import assert from 'node:assert/strict';
import { errorTable, LaminaError } from '@lamina/core';

describe('errors', () => {
  it('build their message from the details and serialise both', () => {
    const error = new LaminaError('MODEL_FILES_MISSING', {
      model: 'tiny',
      missing: ['a.gguf is not there', 'b.gguf is empty'],
      hint: 'Put them there.',
    });
    assert.equal(
      error.message,
      'Files of model "tiny" are missing: a.gguf is not there, b.gguf is empty. Put them there.',
    );
    assert.deepEqual(error.toWire(), {
      message: error.message,
      type: 'server_error',
      code: 'MODEL_FILES_MISSING',
      details: { model: 'tiny', missing: ['a.gguf is not there', 'b.gguf is empty'], hint: 'Put them there.' },
    });
  });

  it('name the invalid field as OpenAI does', () => {
    const wire = new LaminaError('REQUEST_INVALID', { message: '"messages" is missing.', param: 'messages' }).toWire();
    assert.deepEqual(wire, {
      message: '"messages" is missing.',
      type: 'invalid_request_error',
      code: 'REQUEST_INVALID',
      param: 'messages',
    });
  });

  it('accept no detail that would be dropped in silence', () => {
    // @ts-expect-error The message of this code is fixed.
    const closing = new LaminaError('SHUTTING_DOWN', { message: 'Back at noon.' });
    assert.equal(closing.message, 'The server is shutting down.');
    // @ts-expect-error The model is missing.
    void new LaminaError('MODEL_NOT_RUNNING', {});
    const limited = new LaminaError('RATE_LIMITED', { message: 'Wait 3 s.', retry_after: 3, tokens_left: 0 });
    assert.deepEqual([limited.message, limited.details['retry_after']], ['Wait 3 s.', 3]);
  });

  it('are recognised across copies of the package', () => {
    const foreign = Object.assign(new Error('x'), { [Symbol.for('lamina.error')]: true, code: 'TIMEOUT' });
    assert.ok(LaminaError.is(foreign));
    assert.ok(LaminaError.is(foreign, 'TIMEOUT'));
    assert.ok(!LaminaError.is(foreign, 'INTERNAL'));
    assert.ok(!LaminaError.is(new Error('x')));
  });

  it('never expose the cause of an internal error', () => {
    const error = LaminaError.from(new Error('/secret/path is broken'));
    assert.equal(error.code, 'INTERNAL');
    assert.ok(!JSON.stringify(error.toWire()).includes('secret'));
  });

  it('are recreated word for word from the response of a server', () => {
    const wire = new LaminaError('MODEL_NOT_FOUND', { model: 'a', hint: 'There is "b".', available: ['b'] }).toWire();
    assert.deepEqual(LaminaError.fromWire(wire).toWire(), wire);
    const bare = LaminaError.fromWire({ message: 'Not here.', type: 'not_found_error', code: 'MODEL_NOT_FOUND' });
    assert.deepEqual([bare.code, bare.message], ['MODEL_NOT_FOUND', 'Not here.']);
    assert.equal(
      LaminaError.fromWire({ message: 'Odd.', type: 'server_error', code: 'of_an_engine' }).code,
      'INTERNAL',
    );
  });

  it('have a status that a client can act on, in every row', () => {
    for (const [code, row] of Object.entries(errorTable)) {
      assert.ok(row.status >= 400 && row.status < 600, code);
      assert.match(code, /^[A-Z_]+$/);
    }
  });
});
