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
import { placeOf, yamlProblems, type Place, type SyntaxProblem, type YamlText } from './yaml-syntax.js';

/** Parses a text; problems are in the document. */
export function parseYaml(text: string): YamlText {
  const lines = new LineCounter();
  const document: Document.Parsed = parseDocument(text, {
    merge: true,
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false, // Checked by `yamlProblems`: the library compares every key with every other.
    logLevel: 'error',
  });
  return { text, document, lines };
}

/** The data of a text, or what is wrong with it as YAML. */
export function readYaml(yaml: YamlText): { value: unknown } | { problems: readonly SyntaxProblem[] } {
  const problems = yamlProblems(yaml);
  if (problems.length > 0) return { problems };
  try {
    // The library's own limit counts aliases, however short their targets are.
    return { value: yaml.document.toJS({ maxAliasCount: -1 }) };
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
  return offset === undefined ? undefined : placeOf(lines, offset);
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
