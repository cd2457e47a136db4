// What is wrong with a text as YAML, with the place and what to write instead.
import {
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  visit,
  type Alias,
  type Document,
  type ErrorCode,
  type LineCounter,
  type Node,
  type YAMLError,
  type YAMLMap,
} from 'yaml';

/** A place in a text; both begin at 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A mistake in the YAML itself. */
export interface SyntaxProblem {
  readonly place: Place;
  readonly message: string;
}

const messages: Partial<Record<ErrorCode, string>> = {
  BAD_INDENT: 'the indentation does not fit the lines above; begin keys of the same level in the same column',
  MISSING_CHAR: 'something is missing here: a closing quote, bracket or brace, a comma, or the blank after a colon',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line; the line above probably lacks its colon',
  BLOCK_AS_IMPLICIT_KEY: 'a second colon follows on the same line; put the text in quotes',
  BLOCK_IN_FLOW: 'an indented block cannot be inside brackets or braces; close them first',
  BAD_SCALAR_START: 'plain text cannot begin with this character; put it in quotes',
  BAD_DQ_ESCAPE: 'a backslash in double quotes begins an escape; use single quotes, or forward slashes',
  MULTIPLE_DOCS: 'a second document begins here; a manifest is one document, remove the "---"',
  UNEXPECTED_TOKEN: 'this was not expected here; put the text in quotes if it is meant as text',
  MULTIPLE_ANCHORS: 'a value can have one anchor only',
  RESOURCE_EXHAUSTION: 'this is nested more deeply than any manifest is; remove the nesting',
  TAG_RESOLVE_FAILED: 'this tag is not known; a manifest needs none, remove it',
};

/** Mistakes of syntax. Of those that stop the parser only the first is reported: the others mostly follow from it. */
export function syntaxProblems(text: string, document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const [first] = document.errors;
  if (first === undefined) return [...keysOfBrackets(document, lines), ...duplicateKeys(document, lines)];
  const open = document.errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION')
    ? []
    : openBrackets(text, document, lines);
  return open.length > 0
    ? open
    : [{ place: firstCharacter(text, lines, first.pos[0]), message: messageFor(text, lines, first) }];
}

function messageFor(text: string, lines: LineCounter, { code, message, pos }: YAMLError): string {
  if (/^ *\t/.test(lineAt(text, lines, pos[0])))
    return 'this line is indented with a tab, which YAML does not allow; use spaces';
  return messages[code] ?? message;
}

/** Brackets and braces that are not closed: the library reports where it gave up, which may be far below. */
function openBrackets(text: string, document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Collection(_key, { flow, range }) {
      if (flow !== true || range === null || range === undefined) return undefined;
      const [from, to] = range;
      const end = text[from] === '[' ? ']' : '}';
      if (text[to - 1] === end) return undefined;
      problems.push({
        place: placeOf(lines, from),
        message: `this ${text[from]!} is not closed; write ${end} where it ends`,
      });
      return visit.SKIP;
    },
  });
  return problems;
}

/** A key in brackets or braces: YAML allows it, but it is always a mistake, such as a template without quotes. */
function keysOfBrackets(document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Pair(_key, { key }) {
      if (isCollection(key))
        problems.push({
          place: placeOf(lines, key.range?.[0] ?? 0),
          message: 'a key is plain text and cannot be a list or a mapping; put the text in quotes if it is one',
        });
    },
  });
  return problems;
}

/** The place of an offset, moved past the spaces at the start of a line. */
function firstCharacter(text: string, lines: LineCounter, offset: number): Place {
  const { line, column } = placeOf(lines, offset);
  const blanks = /^[ \t]*/.exec(lineAt(text, lines, offset))![0].length;
  return { line, column: Math.max(column, blanks + 1) };
}

function lineAt(text: string, lines: LineCounter, offset: number): string {
  const { line } = placeOf(lines, offset);
  const from = lines.lineStarts[line - 1] ?? 0;
  const end = text.indexOf('\n', from);
  return text.slice(from, end === -1 ? undefined : end);
}

/** Keys written twice in one mapping. */
function duplicateKeys(document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  const models = modelsOf(document);
  visit(document, {
    Map(_key, map) {
      const first = new Map<unknown, number>();
      for (const { key } of map.items) {
        if (!isScalar(key) || key.value === '<<' || typeof key.value === 'symbol') continue;
        const before = first.get(key.value);
        const offset = key.range?.[0] ?? 0;
        if (before === undefined) {
          first.set(key.value, offset);
          continue;
        }
        const name = String(key.value);
        const written = map === models ? `models.${name}` : map === document.contents ? name : `"${name}"`;
        const firstLine = placeOf(lines, before).line;
        const message = `${written} is written twice; rename it or remove one of them (first in line ${firstLine})`;
        problems.push({ place: placeOf(lines, offset), message });
      }
    },
  });
  return problems;
}

/** Names of entries that YAML reads as another number: `3.10:` becomes 3.1. */
export function misreadNames(document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const keys = modelsOf(document)?.items.map(({ key }) => key) ?? [];
  return keys.filter(isScalar).flatMap(({ value, source, range }) =>
    typeof value !== 'number' || source === undefined || String(value) === source
      ? []
      : {
          place: placeOf(lines, range?.[0] ?? 0),
          message: `the name ${source} is read as the number ${value}; put it in quotes: "${source}"`,
        },
  );
}

function modelsOf(document: Document.Parsed): YAMLMap | undefined {
  const models: unknown = isMap(document.contents) ? document.contents.get('models') : undefined;
  return isMap(models) ? models : undefined;
}

/** `*name` without an `&name` before it: the library reports it only when the data is made, without a place. */
export function unresolvedAliases(document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const anchors = new Set<string>();
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Node(_key, node) {
      if ('anchor' in node && typeof node.anchor === 'string') anchors.add(node.anchor);
    },
    Alias(_key, node) {
      if (!anchors.has(node.source))
        problems.push({
          place: placeOf(lines, node.range?.[0] ?? 0),
          message: `"*${node.source}" refers to an anchor "&${node.source}" that is not written above; write it, or put the text in quotes`,
        });
    },
  });
  return problems;
}

/** `*name` within the value that `&name` marks: the data would contain itself. */
export function circularAliases(document: Document.Parsed, lines: LineCounter): readonly SyntaxProblem[] {
  const marked = new Map<string, Node>();
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Node(_key, node) {
      if ('anchor' in node && typeof node.anchor === 'string') marked.set(node.anchor, node);
    },
    Alias(_key, node, path) {
      const target = marked.get(node.source);
      if (target === undefined || !path.includes(target)) return;
      const { source } = node;
      const message = `"*${source}" is inside the value that "&${source}" marks, so that it contains itself; remove it`;
      problems.push({ place: placeOf(lines, node.range?.[0] ?? 0), message });
    },
  });
  return problems;
}

/** How long and how deep a value is with its aliases expanded. */
interface Extent {
  readonly length: number;
  readonly depth: number;
}

const noExtent: Extent = { length: 0, depth: 0 };
const deepest = 100;

/**
 * Aliases of aliases that make a short text long or deep ("billion laughs"): with its aliases expanded it may have
 * `limit` characters. The parsers limit the depth of a text without aliases.
 */
export function excessiveAliases(
  document: Document.Parsed,
  lines: LineCounter,
  limit: number,
): readonly SyntaxProblem[] {
  const marked = new Map<string, Extent>();
  let first: Alias | undefined;
  const extentOf = (node: unknown): Extent => {
    if (isAlias(node)) {
      const extent = marked.get(node.source) ?? noExtent;
      if (extent.length > limit || extent.depth > deepest) first ??= node;
      return extent;
    }
    const parts = isPair(node) ? [node.key, node.value] : isCollection(node) ? node.items : [];
    const inner = parts.map(extentOf);
    const own = isScalar(node) ? String(node.value).length : inner.length;
    const length = inner.reduce((sum, part) => sum + part.length, own);
    const depth = inner.reduce((most, part) => Math.max(most, part.depth), 0) + (isCollection(node) ? 1 : 0);
    if ((isScalar(node) || isCollection(node)) && node.anchor !== undefined) marked.set(node.anchor, { length, depth });
    return { length, depth };
  };
  const { length, depth } = extentOf(document.contents);
  if (marked.size === 0 || (length <= limit && depth <= deepest)) return [];
  const what = length > limit ? `${length} characters, more than ${limit}` : `${depth} levels, more than ${deepest}`;
  const message = `the aliases in this make it ${what}; write values out, or fewer of them`;
  return [{ place: placeOf(lines, (first ?? document.contents)?.range?.[0] ?? 0), message }];
}

function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
