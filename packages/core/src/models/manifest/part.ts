// Reads one piece of a manifest. Written in the usual way it is read at once, otherwise by js-yaml, which is ten times
// as fast as yaml; whatever that refuses is left to yaml, which explains itself.
import { CORE_SCHEMA, load } from 'js-yaml';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { freeze } from '../../kernel/freeze.js';
import { entryWithoutNothing, isMapping, withoutNothing } from './nothing.js';
import {
  entryProblems,
  entryShapeProblems,
  shapeProblems,
  unknownInEntry,
  unknownSections,
  type Finding,
} from './rules.js';
import type { Piece } from './split.js';
import type { SyntaxProblem } from './syntax.js';
import { readUsual, type Pair } from './usual.js';

/**
 * A piece that was read: a part of the manifest as data, and what there is to say of it. Places are within the piece.
 */
export interface Part {
  /** Names and entries of an `entry` piece; of others, keys of the top and what is below. */
  readonly pairs: readonly Pair[];
  readonly syntax: readonly SyntaxProblem[];
  readonly problems: readonly Finding[];
  readonly warnings: readonly Finding[];
}

const none: readonly never[] = [];
const nothingRead: Part = { pairs: none, syntax: none, problems: none, warnings: none };

/**
 * What a piece says; `undefined` when it refers to an anchor in another, which only part of a text can. Most need not
 * be waited for.
 */
export function readPiece(piece: Piece, isPart: boolean): Part | undefined | Promise<Part | undefined> {
  const usual = readUsual(piece.text);
  if (usual !== undefined)
    return piece.kind === 'entry' ? inspectEntry(piece, usual) : inspect(piece, Object.fromEntries([usual]));
  let value: unknown;
  try {
    value = load(piece.text, { schema: CORE_SCHEMA, maxAliases: 0 });
  } catch {
    return readSlowly(piece, isPart);
  }
  return inspect(piece, value);
}

async function readSlowly(piece: Piece, isPart: boolean): Promise<Part | undefined> {
  const { readWithYaml } = await import('./explained.js');
  const read = readWithYaml(piece.text, isPart);
  if (read === undefined) return undefined;
  return 'syntax' in read ? { ...nothingRead, syntax: read.syntax } : inspect(piece, read.value);
}

function inspect(piece: Piece, value: unknown): Part {
  const pairs = piece.kind === 'entry' && isMapping(value) ? Object.entries(value) : [];
  if (pairs.length === 1) return inspectEntry(piece, pairs[0]!);
  const whole = withoutNothing(piece.kind === 'entry' ? { models: value } : value);
  const problems = shapeProblems(whole);
  if (problems.length > 0) return { ...nothingRead, problems };
  const manifest = freeze(whole) as Partial<Manifest>;
  const entries = Object.entries(manifest.models ?? {});
  return {
    pairs: piece.kind === 'entry' ? entries : Object.entries(manifest),
    syntax: none,
    problems: entries.flatMap(([name, entry]) => entryProblems(name, entry)),
    warnings: [...unknownSections(manifest), ...entries.flatMap(([name, entry]) => unknownInEntry(name, entry))],
  };
}

function inspectEntry(piece: Piece, [name, written]: Pair): Part {
  const value = entryWithoutNothing(written);
  const syntax = misreadName(piece.text);
  const problems = entryShapeProblems(name, value);
  if (problems.length > 0 || syntax.length > 0) return { ...nothingRead, syntax, problems };
  const entry = freeze(value) as ModelEntry;
  return {
    pairs: [[name, entry]],
    syntax: none,
    problems: entryProblems(name, entry),
    warnings: unknownInEntry(name, entry),
  };
}

/** The name of an entry that YAML takes for a number and would change: `3.10:` becomes 3.1. */
function misreadName(text: string): readonly SyntaxProblem[] {
  const match = /^( *)([-+.\w]+) *:(?:\s|$)/.exec(text);
  const raw = match?.[2];
  if (raw === undefined || Number.isNaN(Number(raw)) || String(Number(raw)) === raw) return [];
  return [
    {
      place: { line: 1, column: match![1]!.length + 1 },
      message: `the name ${raw} is read as the number ${Number(raw)}; put it in quotes: "${raw}"`,
    },
  ];
}
