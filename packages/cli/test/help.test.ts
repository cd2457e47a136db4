// The help of every command.
import assert from 'node:assert/strict';
import { helpTexts } from '@lamina/cli';

describe('the help of lamina', () => {
  const [[, overview], ...commands] = [...helpTexts()] as [[string, string], ...[string, string][]];

  it('has a sentence for every command that fits one line of 80 columns', () => {
    const lines = overview!.split('\n').filter((line) => /^ {2}[a-z]+( [<[]\S+)* {2,}/.test(line));
    assert.ok(lines.length > 20, overview);
    for (const line of lines) {
      const sentence = line.trim().split(/ {2,}/)[1]!;
      assert.match(sentence, /^[A-Z][^.]{1,52}$/, line);
    }
  });

  it('has an example of every command', () => {
    for (const [name, text] of commands)
      assert.match(text, new RegExp(`\nExamples?:\n {2}(.* \\| )?lamina ${name.split(' ')[1]!}`), name);
  });

  it('names the exit codes', () => {
    assert.match(overview!, /^Exit codes: 0 success, 1 failure, 2 wrong usage, 130 Ctrl-C, 143 SIGTERM\.$/m);
  });
});
