import assert from 'node:assert/strict';
import { fillIn, wordsOf } from '../../dist/kernel/words.js';

describe('splitting a command line without a shell', () => {
  it('splits at spaces, but not within quotes', () => {
    assert.deepEqual(wordsOf(`serve --name "a b"  --path='c  d' e\\ f ""`), [
      'serve',
      '--name',
      'a b',
      '--path=c  d',
      'e f',
      '',
    ]);
  });

  it('keeps characters that have a meaning in a shell', () => {
    assert.deepEqual(wordsOf('echo $HOME; rm -rf * | cat && $(id)'), [
      'echo',
      '$HOME;',
      'rm',
      '-rf',
      '*',
      '|',
      'cat',
      '&&',
      '$(id)',
    ]);
  });

  it('rejects an unclosed quote and an empty command', () => {
    assert.throws(() => wordsOf('serve "a'), { code: 'CONFIG_INVALID' });
    assert.throws(() => wordsOf(' '), { code: 'CONFIG_INVALID' });
  });

  it('fills in placeholders once, after splitting', () => {
    const values = { PORT: '8080', MODEL_PATH: '/a b/${PORT}', MODEL: 'm' };
    assert.deepEqual(
      wordsOf('serve --model ${MODEL_PATH} --port=${PORT} ${OTHER}').map((word) => fillIn(word, values)),
      ['serve', '--model', '/a b/${PORT}', '--port=8080', '${OTHER}'],
    );
  });
});
