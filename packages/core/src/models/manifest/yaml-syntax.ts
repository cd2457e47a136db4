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
  type Scalar,
  type YAMLError,
  type YAMLMap,
} from 'yaml';

/** A text with its YAML document. */
export interface YamlText {
  readonly text: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

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

/** What is wrong with a text; empty when its data can be made. Later checks need what earlier ones guarantee. */
export function yamlProblems(yaml: YamlText): readonly SyntaxProblem[] {
  for (const check of [syntaxProblems, nameAndAliasProblems, excessiveAliases]) {
    const problems = check(yaml);
    if (problems.length > 0) return problems;
  }
  return [];
}

/** Of mistakes that stop the parser only the first is reported: the others mostly follow from it. */
function syntaxProblems(yaml: YamlText): readonly SyntaxProblem[] {
  const { errors } = yaml.document;
  const [first] = errors;
  if (first === undefined) return [...keysOfBrackets(yaml), ...duplicateKeys(yaml)];
  const open = errors.some(({ code }) => code === 'RESOURCE_EXHAUSTION') ? [] : openBrackets(yaml);
  return open.length > 0 ? open : [parserProblem(yaml, first)];
}

function parserProblem({ text, lines }: YamlText, { code, message, pos: [offset] }: YAMLError): SyntaxProblem {
  const { line, column } = placeOf(lines, offset);
  const from = lines.lineStarts[line - 1] ?? 0;
  const [blanks] = /^[ \t]*/.exec(text.slice(from))!;
  return {
    place: { line, column: Math.max(column, blanks.length + 1) },
    message: /^ *\t/.test(blanks)
      ? 'this line is indented with a tab, which YAML does not allow; use spaces'
      : (messages[code] ?? message),
  };
}

/** Brackets and braces that are not closed: the library reports the position where it stopped, which may be far below. */
function openBrackets({ text, document, lines }: YamlText): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Collection(_key, node) {
      if (node.flow !== true || node.range === null || node.range === undefined) return undefined;
      const [from, to] = node.range;
      const end = text[from] === '[' ? ']' : '}';
      if (text[to - 1] === end) return undefined;
      problems.push(problemAt(lines, node, `this ${text[from]!} is not closed; write ${end} where it ends`));
      return visit.SKIP;
    },
  });
  return problems;
}

/** A key in brackets or braces: YAML allows it, but it is always a mistake, such as a template without quotes. */
function keysOfBrackets({ document, lines }: YamlText): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  const message = 'a key is plain text and cannot be a list or a mapping; put the text in quotes if it is one';
  visit(document, {
    Pair: (_key, { key }) => void (isCollection(key) && problems.push(problemAt(lines, key, message))),
  });
  return problems;
}

/** Keys written twice in one mapping. */
function duplicateKeys({ document, lines }: YamlText): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  const models = modelsOf(document);
  visit(document, {
    Map(_key, map) {
      const first = new Map<unknown, Scalar>();
      for (const { key } of map.items) {
        if (!isScalar(key) || key.value === '<<' || typeof key.value === 'symbol') continue;
        const before = first.get(key.value);
        first.set(key.value, before ?? key);
        if (before === undefined) continue;
        const name = String(key.value);
        const written = map === models ? `models.${name}` : map === document.contents ? name : `"${name}"`;
        const { line } = placeOf(lines, before.range?.[0] ?? 0);
        const message = `${written} is written twice; rename it or remove one of them (first in line ${line})`;
        problems.push(problemAt(lines, key, message));
      }
    },
  });
  return problems;
}

function nameAndAliasProblems(yaml: YamlText): readonly SyntaxProblem[] {
  return [...nullKeys(yaml), ...misreadNames(yaml), ...aliasProblems(yaml)];
}

/** Keys that YAML reads as nothing: `: x`, `~:`, `null:`. */
function nullKeys({ text, document, lines }: YamlText): readonly SyntaxProblem[] {
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Pair(_key, { key, value }) {
      if (key !== null && !(isScalar(key) && key.value === null)) return;
      const written = isScalar(key) && key.source ? key.source : undefined;
      const advice =
        written === undefined ? 'write a name before the colon' : `put it in quotes if it is a name: "${written}"`;
      const offset = ((key ?? value) as Node | null)?.range?.[0] ?? 0;
      const blanks = /^\s*/.exec(text.slice(offset))![0].length; // An empty key begins where the line above ends.
      problems.push({ place: placeOf(lines, offset + blanks), message: `this key is nothing; ${advice}` });
    },
  });
  return problems;
}

/** Names of entries that YAML reads as another number: `3.10:` becomes 3.1. */
function misreadNames({ document, lines }: YamlText): readonly SyntaxProblem[] {
  const keys = modelsOf(document)?.items.map(({ key }) => key) ?? [];
  return keys.filter(isScalar).flatMap((key) => {
    const { value, source } = key;
    if (typeof value !== 'number' || source === undefined || String(value) === source) return [];
    return problemAt(lines, key, `the name ${source} is read as the number ${value}; put it in quotes: "${source}"`);
  });
}

function modelsOf(document: Document.Parsed): YAMLMap | undefined {
  const models: unknown = isMap(document.contents) ? document.contents.get('models') : undefined;
  return isMap(models) ? models : undefined;
}

/**
 * `*name` without an `&name` before it, which the library reports without a place, or within the value that `&name`
 * marks: the data would contain itself.
 */
function aliasProblems({ document, lines }: YamlText): readonly SyntaxProblem[] {
  const marked = new Map<string, Node>();
  const problems: SyntaxProblem[] = [];
  visit(document, {
    Node(_key, node) {
      if ('anchor' in node && typeof node.anchor === 'string') marked.set(node.anchor, node);
    },
    Alias(_key, node, path) {
      const { source } = node;
      const target = marked.get(source);
      const message =
        target === undefined
          ? `"*${source}" refers to an anchor "&${source}" that is not written above; write it, or put the text in quotes`
          : `"*${source}" is inside the value that "&${source}" marks, so that it contains itself; remove it`;
      if (target === undefined || path.includes(target)) problems.push(problemAt(lines, node, message));
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
 * a hundred times as many characters as written, at most 32 MiB. The parsers limit the depth of a text without aliases.
 */
function excessiveAliases({ text, document, lines }: YamlText): readonly SyntaxProblem[] {
  const limit = Math.min(32 * 1024 * 1024, 10_000 + 100 * text.length);
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
  return [problemAt(lines, first ?? document.contents, message)];
}

function problemAt(lines: LineCounter, node: Node | null, message: string): SyntaxProblem {
  return { place: placeOf(lines, node?.range?.[0] ?? 0), message };
}

/** The line and column of an offset. */
export function placeOf(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}
