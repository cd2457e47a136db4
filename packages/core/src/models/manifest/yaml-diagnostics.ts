// Parses YAML with positions: the data or what is wrong with the text, and the line and column of a key.
import {
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Pair,
} from 'yaml';
import { reasonOf } from '../../kernel/reason.js';
import {
  circularAliases,
  excessiveAliases,
  misreadNames,
  syntaxProblems,
  unresolvedAliases,
  type Place,
  type SyntaxProblem,
} from './yaml-syntax.js';

/** A text with its YAML document. */
export interface YamlText {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

/** Characters a text may have with its aliases expanded: a hundred times as many as written, at most 32 MiB. */
const expansionLimit = (text: string) => Math.min(32 * 1024 * 1024, 10_000 + 100 * text.length);

/** Parses a text; problems are in the document. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document: Document.Parsed = parseDocument(text, {
    merge: true,
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false, // Checked by `syntaxProblems`: the library compares every key with every other.
    logLevel: 'error',
  });
  return { text, document, lines };
}

/** The data of a text, or what is wrong with it as YAML. */
export function readYaml({
  text,
  document,
  lines,
}: YamlText): { value: unknown } | { problems: readonly SyntaxProblem[] } {
  const syntax = syntaxProblems(text, document, lines);
  if (syntax.length > 0) return { problems: syntax };
  const aliases = [...misreadNames(document, lines), ...unresolvedAliases(document, lines)];
  if (aliases.length > 0) return { problems: aliases };
  const expanding = [...circularAliases(document, lines), ...excessiveAliases(document, lines, expansionLimit(text))];
  if (expanding.length > 0) return { problems: expanding };
  try {
    // The library's own limit counts aliases, however short their targets are.
    return { value: document.toJS({ maxAliasCount: -1 }) };
  } catch (error) {
    return { problems: [{ place: { line: 1, column: 1 }, message: `cannot be read: ${reasonOf(error)}` }] };
  }
}

/**
 * The place of the key that `path` leads to, else of the nearest one above it. Follows aliases and merge keys.
 */
export function locate({ document, lines }: YamlText, path: readonly string[]): Place | undefined {
  let node: unknown = document.contents;
  let offset = offsetOf(node);
  for (const key of path) {
    const step = stepInto(document, node, key);
    if (step === undefined) break;
    offset = step.offset ?? offset;
    node = step.value;
  }
  if (offset === undefined) return undefined;
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

interface Step {
  readonly offset: number | undefined;
  readonly value: unknown;
}

function stepInto(document: Document.Parsed, from: unknown, key: string): Step | undefined {
  const node = isAlias(from) ? from.resolve(document) : from;
  if (isSeq(node)) {
    const value = node.items[Number(key)];
    return value === undefined ? undefined : { offset: offsetOf(value), value };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => keyOf(item) === key);
  if (pair !== undefined) return { offset: offsetOf(pair.key) ?? offsetOf(pair.value), value: pair.value };
  return stepIntoMerged(document, node.items, key);
}

function stepIntoMerged(document: Document.Parsed, items: readonly Pair[], key: string): Step | undefined {
  const merged = items
    .filter((item) => keyOf(item) === '<<')
    .flatMap(({ value }) => (isSeq(value) ? value.items : [value]));
  for (const source of merged) {
    const step = stepInto(document, source, key);
    if (step !== undefined) return step;
  }
  return undefined;
}

function keyOf(item: Pair): string | undefined {
  if (!isScalar(item.key)) return undefined;
  return typeof item.key.value === 'symbol' ? '<<' : String(item.key.value);
}

function offsetOf(node: unknown): number | undefined {
  if (isPair(node)) return offsetOf(node.key);
  return (node as Node | null | undefined)?.range?.[0];
}
