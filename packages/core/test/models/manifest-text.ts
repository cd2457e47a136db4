// Writes manifests in every YAML style that people use, and records where in the text each value is.
import fc from 'fast-check';

/** A key of an entry: its text and its position. */
export interface WrittenPair {
  readonly key: string;
  /** From the first character behind the colon to the end of the value, without comments on its last line. */
  readonly value: readonly [from: number, to: number];
  /** All its lines. */
  readonly lines: readonly [from: number, to: number];
}

/** An entry and its position. */
export interface WrittenEntry {
  readonly name: string;
  readonly pairs: readonly WrittenPair[];
  /** All its lines, without comments behind the last one. */
  readonly lines: readonly [from: number, to: number];
}

/** A manifest as text. */
export interface WrittenManifest {
  readonly text: string;
  readonly entries: readonly WrittenEntry[];
}

type Style = (indent: string) => string;

const words = fc.constantFrom(
  'chat',
  'a small model',
  "it's fine",
  'R&D *bold*',
  'x#y',
  'über',
  '日本',
  'q4_k_m',
  '3.10',
  'true',
  'null',
  '-',
  'a: b',
  '{',
  '[x',
  '"quoted"',
  '# no comment',
  '',
  '  spaced ',
  'C:\\models',
  'yes',
  '~',
  '&a',
  '!x',
  '%',
  '@',
  '`',
  '|',
  '>',
  '1e3',
  '0x1f',
  'end:',
  '- item',
);

/** Text in one of the styles it can be written in. */
const text: fc.Arbitrary<Style> = fc
  .tuple(words, fc.constantFrom('double', 'single', 'plain', 'literal', 'folded', 'lines'))
  .map(([word, style]): Style => {
    if (style === 'single') return () => ` '${word.replaceAll("'", "''")}'`;
    if (style === 'plain' && !/^(true|null)$/.test(word) && /^[a-z][a-z0-9_ ]*[a-z0-9_]$/i.test(word))
      return () => ` ${word}`;
    if (style === 'literal' && /^\S.*\S$/.test(word)) return (indent) => ` |\n${indent}  ${word}\n${indent}  second`;
    if (style === 'folded' && /^\w+$/.test(word)) return (indent) => ` >-\n${indent}    ${word}\n\n${indent}    more`;
    if (style === 'lines') return (indent) => ` "${JSON.stringify(word).slice(1, -1)}\n${indent}  and more"`;
    return () => ` ${JSON.stringify(word)}`;
  });

const list: fc.Arbitrary<Style> = fc
  .tuple(fc.array(fc.constantFrom('chat', 'fast', 'code', '"a b"'), { maxLength: 3 }), fc.boolean())
  .map(([items, flow]): Style => {
    if (flow || items.length === 0) return () => ` [${items.join(', ')}]`;
    return (indent) => items.map((item, index) => `\n${indent}  - ${item}${index === 0 ? '   # first' : ''}`).join('');
  });

const mapping: fc.Arbitrary<Style> = fc
  .tuple(fc.uniqueArray(fc.constantFrom('threads', 'ctx', 'extra'), { minLength: 1 }), fc.boolean())
  .map(([keys, flow]): Style => {
    if (flow) return () => ` { ${keys.map((key, index) => `${key}: ${index}`).join(',  ')} }`;
    return (indent) => keys.map((key, index) => `\n${indent}   # about ${key}\n${indent}   ${key}:  ${index}`).join('');
  });

const keyStyles: Readonly<Record<string, fc.Arbitrary<Style>>> = {
  path: fc.constantFrom<Style>(
    () => ' a/b.gguf',
    () => ' "c d.gguf"',
    () => ' /models/x/',
  ),
  backend: fc.constantFrom<Style>(
    () => ' llama.cpp',
    () => " 'vllm'",
  ),
  description: text,
  size: fc.constantFrom<Style>(
    () => ' "2.0GB"',
    () => ' 7',
    () => '   800 MB',
  ),
  use_cases: list,
  options: mapping,
  pinned: fc.constantFrom<Style>(
    () => ' true',
    () => ' false',
  ),
  note: text,
  comment_only: text,
};

const comment = fc.constantFrom('', '', '', '   # why', ' # 2: "quoted" { [', '\t# tab');
const between = fc.constantFrom('', '', '', '\n', '    # a remark\n', '# at the margin\n', '\n  # two\n\n');
const pair = fc
  .constantFrom(...Object.keys(keyStyles))
  .chain((key) => fc.record({ key: fc.constant(key), style: keyStyles[key]!, comment, before: between }));
const entry = fc.record({
  pairs: fc.uniqueArray(pair, { minLength: 2, maxLength: 6, selector: ({ key }) => key }),
  comment,
  before: between,
});
const name = fc.constantFrom(
  'llama3.2-3b',
  'org/name:q4',
  'yi 34b',
  '"quoted name"',
  "'single'",
  'x',
  'a.b_c-d',
  'constructor',
  '__proto__',
  '"007"',
  'ünïcode',
);

/** A random manifest. */
export const manifestText: fc.Arbitrary<WrittenManifest> = fc
  .record({
    entries: fc.uniqueArray(fc.tuple(name, entry), { minLength: 1, maxLength: 5, selector: ([one]) => one }),
    indent: fc.constantFrom('  ', '    ', ' '),
    head: fc.constantFrom(
      '',
      '# mine\n',
      '---\n# mine\n\n',
      'defaults: { chat: x }\n',
      'backends:\n  llama.cpp:\n    executable: "llama-server"\n\n',
    ),
    tail: fc.constantFrom(
      '',
      '\n',
      '\n# the end',
      '\ncategories:   # all\n  small: [x]\n',
      'categories:\n  small:\n    - x\n# bye\n',
    ),
    newline: fc.constantFrom('\n', '\n', '\r\n'),
    mark: fc.constantFrom('', '', '\uFEFF'),
  })
  .map(write);

function write({
  entries,
  indent,
  head,
  tail,
  newline,
  mark,
}: {
  entries: [
    string,
    { pairs: { key: string; style: Style; comment: string; before: string }[]; comment: string; before: string },
  ][];
  indent: string;
  head: string;
  tail: string;
  newline: string;
  mark: string;
}): WrittenManifest {
  let out = mark;
  const add = (part: string) => void (out += part.replaceAll('\n', newline));
  add(`${head}models:\n`);
  const written = entries.map(([source, { pairs, comment: behind, before }]): WrittenEntry => {
    add(before);
    const start = out.length;
    add(`${indent}${source}:${behind}\n`);
    const inner = indent + '  ';
    let end = out.length;
    const done = pairs.map(({ key, style, comment: after, before: above }): WrittenPair => {
      add(above);
      const from = out.length;
      add(`${inner}${key}:`);
      const valueFrom = out.length;
      add(style(inner));
      const valueTo = out.length;
      // Behind a block scalar's last line a "#" would be text.
      add(/ [|>]-?\r?\n/.test(out.slice(valueFrom, valueTo)) ? '\n' : `${after}\n`);
      end = out.length;
      return { key, value: [valueFrom, valueTo], lines: [from, end] };
    });
    return { name: /^["']/.test(source) ? source.slice(1, -1) : source, pairs: done, lines: [start, end] };
  });
  add(tail);
  return { text: out, entries: written };
}
