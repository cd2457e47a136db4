import assert from 'node:assert/strict';
import { fillIn, wordsOf } from '../../dist/builtin/words.js';

describe('a command line without a shell', () => {
  it('is split at blanks, but not within quotes', () => {
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

  it('is refused with an unclosed quote, or when it is empty', () => {
    assert.throws(() => wordsOf('serve "a'), { code: 'CONFIG_INVALID' });
    assert.throws(() => wordsOf(' '), { code: 'CONFIG_INVALID' });
  });

  it('has its placeholders filled in once, after it was split', () => {
    const values = { PORT: '8080', MODEL_PATH: '/a b/${PORT}', MODEL: 'm' };
    assert.deepEqual(
      wordsOf('serve --model ${MODEL_PATH} --port=${PORT} ${OTHER}').map((word) => fillIn(word, values)),
      ['serve', '--model', '/a b/${PORT}', '--port=8080', '${OTHER}'],
    );
  });
});
