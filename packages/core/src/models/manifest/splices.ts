// Changes to a YAML text that leave every other byte unchanged, at the positions that the YAML parser reports.
import { isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import { renderFlow, renderPair } from './render.js';

/** Replaces the text from `from` up to `to`. */
export interface Splice {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** The text with all changes made. They may not overlap; an insertion may begin where a removal does. */
export function applySplices(text: string, splices: readonly Splice[]): string {
  return splices
    .toSorted((a, b) => b.from - a.from || b.to - a.to)
    .reduce(
      (changed, { from, to, text: replacement }) => changed.slice(0, from) + replacement + changed.slice(to),
      text,
    );
}

/** The pair of a mapping with this key, merged mappings left out. */
export function ownPair(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
}

/** Sets the value of a key, on one line. Text after the old value on its line, such as a comment, stays. */
export function setValue(source: string, pair: Pair, value: unknown): Splice {
  const node = pair.value as Node | null;
  const [from, to] = node?.range ?? [rangeOf(pair.key)[1], rangeOf(pair.key)[1]];
  const end = from === to ? to : pairEnd(source, pair);
  const blank = from === to && !/[\s]/.test(source[from - 1] ?? '') ? ' ' : '';
  return { from, to: end, text: blank + renderFlow(value) };
}

/** Puts an indented block, which begins with a line break, in place of a value on one line. */
export function openBlock(source: string, pair: Pair, block: string): Splice {
  const { from, to } = setValue(source, pair, {});
  return from === to ? insertAt(lineEnd(source, from), block) : { from, to, text: block };
}

/** Adds keys after the last key of a mapping that stays. */
export function addPairs(
  source: string,
  map: YAMLMap,
  stays: (pair: Pair) => boolean,
  pairs: readonly (readonly [key: string, value: unknown])[],
  layout: { step: string; newline: string; blocks: number },
): Splice {
  const last = map.items.findLast(stays);
  if (map.flow === true || last === undefined) {
    const flow = pairs.map(([key, value]) => renderPair(key, value, { indent: '', ...layout, blocks: 0 })).join(', ');
    if (last !== undefined) return insertAt(pairEnd(source, last), `, ${flow}`);
    const [from, to] = rangeOf(map);
    return { from, to, text: `{ ${flow} }` };
  }
  const indent = ' '.repeat(columnOf(source, rangeOf(last.key)[0]));
  const text = pairs
    .map(([key, value]) => `${layout.newline}${indent}${renderPair(key, value, { indent, ...layout })}`)
    .join('');
  return insertAt(lineEnd(source, pairEnd(source, last)), text);
}

/** Removes a key and its value: in a block their whole lines, in braces the comma too. */
export function removePair(source: string, map: YAMLMap, stays: (pair: Pair) => boolean, pair: Pair): Splice {
  const start = rangeOf(pair.key)[0];
  const end = pairEnd(source, pair);
  if (map.flow !== true) return { from: lineStart(source, start), to: nextLine(source, end), text: '' };
  const index = map.items.indexOf(pair);
  if (map.items.slice(index + 1).some(stays))
    return { from: start, to: rangeOf(map.items[index + 1]!.key)[0], text: '' };
  const before = map.items[index - 1];
  return { from: before === undefined ? start : pairEnd(source, before), to: end, text: '' };
}

/** The indentation of one level of blocks. */
export function stepOf(source: string, map: YAMLMap): string {
  const nested = map.items
    .map(({ value }) => value)
    .find((value): value is YAMLMap => isMap(value) && value.flow !== true && value.items.length > 0);
  const [outer, inner] = [map.items[0]?.key, nested?.items[0]?.key];
  const step =
    outer === undefined || inner === undefined
      ? 2
      : columnOf(source, rangeOf(inner)[0]) - columnOf(source, rangeOf(outer)[0]);
  return ' '.repeat(step > 0 ? step : 2);
}

/** Where a pair ends: after the last character of its value, before spaces and comments. */
export function pairEnd(source: string, pair: Pair): number {
  return Math.max(rangeOf(pair.key)[1], endOf(source, pair.value) ?? 0);
}

/** The range of a block includes what follows on its last line; that of its last item does not. */
function endOf(source: string, value: unknown): number | undefined {
  const node = value as Node | null;
  if (node?.range === null || node?.range === undefined) return undefined;
  if (isMap(node) && node.flow !== true && node.items.length > 0) return pairEnd(source, node.items.at(-1)!);
  if (isSeq(node) && node.flow !== true && node.items.length > 0) return endOf(source, node.items.at(-1));
  return lastContent(source, node.range[0], node.range[1]);
}

function insertAt(offset: number, text: string): Splice {
  return { from: offset, to: offset, text };
}

/** `to` without trailing white space, which the ranges of block scalars and collections include. */
function lastContent(source: string, from: number, to: number): number {
  let end = to;
  while (end > from && /\s/.test(source[end - 1]!)) end -= 1;
  return end;
}

function rangeOf(node: unknown): readonly [number, number] {
  const range = (node as Node | null)?.range;
  if (range === null || range === undefined) throw new Error('this node has no position');
  return [range[0], range[1]];
}

function columnOf(source: string, offset: number): number {
  return offset - lineStart(source, offset);
}

function lineStart(source: string, offset: number): number {
  return source.lastIndexOf('\n', offset - 1) + 1;
}

function lineEnd(source: string, offset: number): number {
  const end = source.indexOf('\n', offset);
  if (end === -1) return source.length;
  return source[end - 1] === '\r' && end > offset ? end - 1 : end;
}

function nextLine(source: string, offset: number): number {
  const end = source.indexOf('\n', offset);
  return end === -1 ? source.length : end + 1;
}
