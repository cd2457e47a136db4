// The search for words, as the filters of models and requests have it.

/** Whether a text has all words of another one, in any order; case is ignored. No word is in every text. */
export function hasWords(text: string, words: string): boolean {
  const searched = text.toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => searched.includes(word));
}
