// Explains why an engine written in Python ended: real tracebacks, argparse, known failures.
import assert from 'node:assert/strict';
import { lastException, pythonFailures } from '../../dist/process/python-failure.js';
import { model } from './engine-fixture.js';

const explain = pythonFailures({
  name: 'Serpent',
  known: [[/no weights in (\S+)/, ([, path], { model: { name } }) => `${path} of ${name} is empty.`]],
  whenKilled: 'Choose a smaller model.',
  wrapper: /^Worker failed/,
});
const explanationOf = (
  lines: readonly string[],
  exit: { code: number | null; signal: string | null; outOfMemory?: boolean } = { code: 1, signal: null },
) => explain(lines, { model, exit });

describe('the failure of an engine in Python', () => {
  it('is a known one, from the message and not from the source line that raises it', () => {
    const traceback = [
      'Traceback (most recent call last):',
      '  File "/serpent/load.py", line 12, in load',
      '    raise ValueError(f"no weights in {path}")',
      '    ^^^^^^^',
      'ValueError: no weights in /models/tiny',
    ];
    assert.equal(explanationOf(traceback), '/models/tiny of tiny is empty.');
    const prefixed = traceback.map((line) => `(Core pid=7) ERROR 08-20 10:00:00 [core.py:708] ${line}`);
    assert.equal(explanationOf(prefixed), '/models/tiny of tiny is empty.');
  });

  it('is its last exception when it is not known, but not one that only refers to another', () => {
    const lines = [
      'Traceback (most recent call last):',
      '  File "/a.py", line 1, in <module>',
      '    raise KeyError("x")',
      'serpent.errors.ConfigError: the answer is 43',
      'RuntimeError: Worker failed. See above.',
    ];
    assert.equal(explanationOf(lines), 'Serpent failed: the answer is 43.');
    assert.equal(lastException(lines), 'Worker failed. See above.');
  });

  it('is the error of pydantic after its heading', () => {
    const lines = [
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      '  Value error, the context is too long. [type=value_error, input_value=ArgsKwargs((), {}), input_type=ArgsKwargs]',
      '    For further information visit https://errors.pydantic.dev/2.12/v/value_error',
    ];
    assert.equal(explanationOf(lines), 'Serpent failed: the context is too long.');
  });

  it('is the error of argparse', () => {
    assert.equal(
      explanationOf(['usage: serpent [-h]', 'serpent: error: unrecognized arguments: --foo 7'], {
        code: 2,
        signal: null,
      }),
      'This Serpent does not know the arguments --foo 7; leave the options they come from out, or use a newer one.',
    );
    assert.equal(
      explanationOf(["serpent: error: argument --mode: invalid choice: 'x'"]),
      "Serpent refuses the value of --mode: invalid choice: 'x'.",
    );
  });

  it('is memory when the system killed it for that', () => {
    assert.equal(
      explanationOf(['ValueError: before'], { code: null, signal: 'SIGKILL', outOfMemory: true }),
      'The system killed Serpent because memory ran out. Choose a smaller model.',
    );
  });

  it('is not guessed', () => {
    assert.equal(explanationOf(['loading']), undefined);
    for (const exit of [
      { code: 0, signal: null },
      { code: null, signal: 'SIGTERM' },
    ])
      assert.equal(explanationOf(['ValueError: of a request'], exit), undefined);
  });
});
