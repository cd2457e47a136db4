import assert from 'node:assert/strict';
import { fillIn, wordsOf } from '../../dist/builtin/words.js';

describe('a command line without a shell', () => {
  it('is divided at blanks, but not within quotes', () => {
    assert.deepEqual(wordsOf(`serve --name "a b"  --path='c  d' e\\ f ""`), [
      'serve',
      '--name',
      'a b',
      '--path=c  d',
      'e f',
      '',
    ]);
  });

  it('keeps what would mean something to a shell', () => {
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

  it('is refused when a quote is not closed, or nothing is in it', () => {
    assert.throws(() => wordsOf('serve "a'), { code: 'CONFIG_INVALID' });
    assert.throws(() => wordsOf(' '), { code: 'CONFIG_INVALID' });
  });

  it('has its placeholders filled in after it was divided, once', () => {
    const values = { PORT: '8080', MODEL_PATH: '/a b/${PORT}', MODEL: 'm' };
    assert.deepEqual(
      wordsOf('serve --model ${MODEL_PATH} --port=${PORT} ${OTHER}').map((word) => fillIn(word, values)),
      ['serve', '--model', '/a b/${PORT}', '--port=8080', '${OTHER}'],
    );
  });
});
