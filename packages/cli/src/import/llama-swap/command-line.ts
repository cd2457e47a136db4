// The command lines of llama-swap: their words, and the text that the backend `command` splits into the same words.
import { wordsOf } from '@lamina/core';

/** The command without its comment lines and the backslashes at the end of lines. */
export function withoutComments(command: string): string {
  return command
    .split('\n')
    .filter((line) => !line.trim().startsWith('#'))
    .map((line) => line.replace(/\\\s*$/, ' '))
    .join('\n');
}

/** The words of a command. @throws LaminaError `CONFIG_INVALID` when a quote is not closed, or there is no word */
export function commandWords(command: string): readonly string[] {
  return wordsOf(withoutComments(command));
}

/** One line with these words, quoted where that is needed. */
export function commandOf(words: readonly string[]): string {
  return words.map(quoted).join(' ');
}

function quoted(word: string): string {
  return /^[^\s'"\\]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
