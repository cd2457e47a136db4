// Splits a command line into words like a shell, without a shell.
import { LaminaError } from '../contract/errors.js';

/** A quoted part, an escaped character, or a run of plain ones; or the blanks between two words. */
const token = /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)|([^\s'"\\]+)|(\s+)/gsy;

/**
 * The words of a command line: blanks separate them, `'…'` and `"…"` group them, `\` escapes the next character.
 * Nothing else has a meaning: no variables are expanded, no other programs run.
 * @throws LaminaError `CONFIG_INVALID` when a quote is not closed, or there is no word
 */
export function wordsOf(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let read = 0;
  for (const [text, single, double, escaped, plain, blank] of line.matchAll(token)) {
    read += text.length;
    if (blank === undefined) {
      word = (word ?? '') + (single ?? double?.replace(/\\(.)/gs, '$1') ?? escaped ?? plain ?? '');
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (read < line.length)
    throw new LaminaError('CONFIG_INVALID', {
      message: `The command ${JSON.stringify(line)} has an unclosed quote.`,
    });
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new LaminaError('CONFIG_INVALID', { message: 'The command of a backend is empty.' });
  return words;
}

/** The text with each `${NAME}` replaced by its value, if it has one. Values are not expanded again. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{([A-Z_]+)\}/g, (written, name: string) => values[name] ?? written);
}
