// Where in a YAML text something is: the line and column of the keys that lead there.
import { isAlias, isMap, isPair, isScalar, isSeq, type Document, type LineCounter, type Node, type Pair } from 'yaml';

/** A place in a text; both begin at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/**
 * The place of the value that `path` leads to: of its key, else of what is nearest above it. Follows aliases and merge
 * keys.
 */
export function locate(document: Document.Parsed, lines: LineCounter, path: readonly string[]): Place | undefined {
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

/** Line and column of an offset. */
export function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function stepInto(
  document: Document.Parsed,
  from: unknown,
  key: string,
): { offset: number | undefined; value: unknown } | undefined {
  const node = isAlias(from) ? from.resolve(document) : from;
  if (isSeq(node)) {
    const value = node.items[Number(key)];
    return value === undefined ? undefined : { offset: offsetOf(value), value };
  }
  if (!isMap(node)) return undefined;
  const pair = node.items.find((item) => keyOf(item) === key);
  if (pair !== undefined) return { offset: offsetOf(pair.key) ?? offsetOf(pair.value), value: pair.value };
  return intoMerged(document, node.items, key);
}

function intoMerged(
  document: Document.Parsed,
  items: readonly Pair[],
  key: string,
): { offset: number | undefined; value: unknown } | undefined {
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
