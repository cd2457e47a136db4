// Text of a model as it may be shown: nothing in it can hide what it says or turn it around.

/**
 * Control characters, and those that change the direction of other text, with which code can look like other code
 * (https://trojansource.codes). The marks that Arabic and Hebrew need (U+200E, U+200F) stay.
 */
// eslint-disable-next-line no-control-regex -- these are what it removes
const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Replaces characters that are not shown, or change what is shown, with `\uFFFD`; lines end with `\n`. */
export function cleanText(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(hidden, '\uFFFD');
}

/** Names of character references that answers use; of others, the reference is shown. */
const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00A0',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  mdash: '—',
  ndash: '–',
  middot: '·',
  bull: '•',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  le: '≤',
  ge: '≥',
  ne: '≠',
  asymp: '≈',
  infin: '∞',
  larr: '←',
  rarr: '→',
  uarr: '↑',
  darr: '↓',
  euro: '€',
  pound: '£',
  sect: '§',
  laquo: '«',
  raquo: '»',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
};

/** The characters for character references such as `&lt;` and `&#39;`. */
export function decodeReferences(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z]+));/g, (reference, decimal, hex, name) => {
    if (name !== undefined) return named[name as string] ?? (reference as string);
    const code = decimal === undefined ? parseInt(hex as string, 16) : Number(decimal);
    return code > 0x10ffff ? '\uFFFD' : cleanText(String.fromCodePoint(code));
  });
}
