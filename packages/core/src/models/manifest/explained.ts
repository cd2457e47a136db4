// What needs yaml, which says what is wrong and where: a library that is loaded only when a manifest has something
// unusual in it.
import { LineCounter, parseDocument, type Document } from 'yaml';
import { reasonOf } from '../../kernel/reason.js';
import { locate, type Place } from './positions.js';
import { circularAliases, excessiveAliases, syntaxProblems, unresolvedAliases, type SyntaxProblem } from './syntax.js';

/** Characters a text may have with its aliases written out: a hundred times as many, and never more than 32 MiB. */
const expansion = (text: string) => Math.min(32 * 1024 * 1024, 10_000 + 100 * text.length);

/**
 * The data of a text, or what is wrong with it as YAML; `undefined` when it refers to an anchor that may be in another
 * part.
 */
export function readWithYaml(
  text: string,
  isPart: boolean,
): { value: unknown } | { syntax: readonly SyntaxProblem[] } | undefined {
  const lines = new LineCounter();
  const document: Document.Parsed = parseDocument(text, {
    merge: true,
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    logLevel: 'error',
  });
  const syntax = syntaxProblems(text, document, lines);
  if (syntax.length > 0) return { syntax };
  const unresolved = unresolvedAliases(document, lines);
  if (unresolved.length > 0) return isPart ? undefined : { syntax: unresolved };
  const expanding = [...circularAliases(document, lines), ...excessiveAliases(document, lines, expansion(text))];
  if (expanding.length > 0) return { syntax: expanding };
  try {
    // The library's own limit counts aliases, however short what they stand for is.
    return { value: document.toJS({ maxAliasCount: -1 }) };
  } catch (error) {
    return { syntax: [{ place: { line: 1, column: 1 }, message: `this cannot be read: ${reasonOf(error)}` }] };
  }
}

/** Where the value that `path` leads to is in a text. */
export function placeIn(text: string, path: readonly string[]): Place | undefined {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, uniqueKeys: false, logLevel: 'error' });
  return locate(document, lines, path);
}
