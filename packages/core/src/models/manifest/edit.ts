// Changes one entry in the text of a manifest. A change is made in several ways, the gentlest first, until one means
// exactly what is meant.
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseDocument, type Document, type Pair, type YAMLMap } from 'yaml';
import type { Manifest, ModelEntry } from '../../contract/manifest.js';
import { withEntry, type Edit } from './manifest.js';
import type { ManifestReader, TextReading } from './reader.js';
import type { Piece } from './split.js';
import { isMapping } from './nothing.js';
import { addPairs, applySplices, ownPair, removePair, setValue, stepOf, type Splice } from './splices.js';
import { renderPair } from './render.js';

/** A text proposed, or a way that leads nowhere. */
type Proposal = () => string | undefined;

const entryBlocks = 2;
const everything = () => true;

/** How added keys are laid out. */
interface Layout {
  readonly step: string;
  readonly newline: string;
  readonly blocks: number;
}

/**
 * The text with the edit in it, and nothing else changed; `undefined` when there is no such text. `reading` is of
 * `text`.
 */
export async function editText(
  reader: ManifestReader,
  text: string,
  reading: TextReading,
  { name, entry: given }: Edit,
): Promise<string | undefined> {
  const entry = given === undefined ? undefined : (JSON.parse(JSON.stringify(given)) as ModelEntry);
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const before = Object.hasOwn(reading.manifest.models, name) ? reading.manifest.models[name] : undefined;
  if (isDeepStrictEqual(before, entry)) return text;
  const wanted = withEntry(reading.manifest, name, entry);
  for (const proposal of proposalsFor(body, reading, name, before, entry)) {
    const proposed = proposal();
    const meant = proposed === undefined ? undefined : await reader.parse(proposed).catch(() => undefined);
    if (meant !== undefined && sameManifest(meant.manifest, wanted))
      return text.slice(0, text.length - body.length) + proposed!;
  }
  return undefined;
}

function proposalsFor(
  text: string,
  { pieces, pieceOf }: TextReading,
  name: string,
  before: ModelEntry | undefined,
  after: ModelEntry | undefined,
): readonly Proposal[] {
  const piece = pieceOf(name);
  if (before === undefined || piece === undefined)
    return after === undefined ? [] : additions(text, pieces, name, after);
  return after === undefined ? removals(text, piece, name) : changes(text, piece, name, before, after);
}

/** The same data; entries that are the same object are not compared. */
function sameManifest(a: Manifest, b: Manifest): boolean {
  const names = Object.keys(a.models);
  if (names.length !== Object.keys(b.models).length) return false;
  const { models: _a, ...restA } = a;
  const { models: _b, ...restB } = b;
  return (
    isDeepStrictEqual(restA, restB) &&
    names.every(
      (name) =>
        Object.hasOwn(b.models, name) &&
        (a.models[name] === b.models[name] || isDeepStrictEqual(a.models[name], b.models[name])),
    )
  );
}

/** Ways to write an entry that the manifest does not have. */
function additions(text: string, pieces: readonly Piece[], name: string, entry: ModelEntry): readonly Proposal[] {
  const last = pieces.findLast(({ kind }) => kind === 'entry');
  const newline = newlineOf(text);
  return [
    () =>
      last === undefined
        ? undefined
        : inPiece(text, last, ({ source, map }) => [
            addPairs(source, map, everything, [[name, entry]], {
              step: stepOf(source, map),
              newline,
              blocks: entryBlocks,
            }),
          ]),
    () => addUnderModels(text, name, entry, newline),
    () =>
      `${text}${text === '' || text.endsWith('\n') ? '' : newline}models:${newline}  ${renderPair(name, entry, { indent: '  ', step: '  ', newline, blocks: entryBlocks })}${newline}`,
  ];
}

/** Ways to change an entry. */
function changes(text: string, piece: Piece, name: string, before: ModelEntry, after: ModelEntry): readonly Proposal[] {
  const layout = { step: '  ', newline: newlineOf(text), blocks: 1 };
  return [
    () =>
      inPiece(text, piece, ({ source, map }) => {
        const node = ownPair(map, name)?.value;
        return isMap(node) ? differences(source, node, before, after, layout) : undefined;
      }),
    () =>
      inPiece(text, piece, ({ source, map }) => {
        const pair = ownPair(map, name);
        return pair === undefined ? undefined : [setValue(source, pair, after)];
      }),
  ];
}

/** Ways to take an entry out. */
function removals(text: string, piece: Piece, name: string): readonly Proposal[] {
  return [
    () =>
      inPiece(text, piece, ({ source, map }) => {
        const pair = ownPair(map, name);
        return pair === undefined ? undefined : [removePair(source, map, everything, pair)];
      }),
  ];
}

/** Makes changes in the mapping of entries that a piece shows, or is. */
function inPiece(
  text: string,
  piece: Piece,
  change: (at: { source: string; map: YAMLMap }) => readonly Splice[] | undefined,
): string | undefined {
  const document = parseDocument(piece.text, { merge: true, uniqueKeys: false, logLevel: 'error' });
  const map = piece.kind === 'entry' ? document.contents : (document as Document).get('models');
  if (!isMap(map)) return undefined;
  const splices = change({ source: piece.text, map });
  return splices === undefined
    ? undefined
    : text.slice(0, piece.offset) + applySplices(piece.text, splices) + text.slice(piece.offset + piece.text.length);
}

/** `models:` with nothing beneath, in braces, or written in another unusual way. */
function addUnderModels(text: string, name: string, entry: ModelEntry, newline: string): string | undefined {
  const document = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: 'error' });
  if (!isMap(document.contents)) return undefined;
  const pair = ownPair(document.contents, 'models');
  if (pair === undefined) return undefined;
  if (isMap(pair.value) && pair.value.items.length > 0)
    return applySplices(text, [
      addPairs(text, pair.value, everything, [[name, entry]], {
        step: stepOf(text, pair.value),
        newline,
        blocks: entryBlocks,
      }),
    ]);
  const block = `${newline}  ${renderPair(name, entry, { indent: '  ', step: '  ', newline, blocks: entryBlocks })}`;
  const { from, to } = setValue(text, pair, {});
  return applySplices(text, [{ from, to, text: block }]);
}

/**
 * What differs, key by key; `undefined` when the mapping must be written anew: nothing of it stays, or what goes comes
 * from a merge.
 */
function differences(
  source: string,
  map: YAMLMap,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
  layout: Layout,
): readonly Splice[] | undefined {
  const stays = ({ key }: Pair) =>
    isScalar(key) && (typeof key.value === 'symbol' || key.value === '<<' || Object.hasOwn(after, String(key.value)));
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(after, key));
  const added = Object.entries(after).filter(
    ([key]) => ownPair(map, key) === undefined && !isDeepStrictEqual(before[key], after[key]),
  );
  if (!map.items.some(stays) || gone.some((key) => ownPair(map, key) === undefined)) return undefined;
  const splices = gone.map((key) => removePair(source, map, stays, ownPair(map, key)!));
  for (const [key, value] of Object.entries(after)) {
    const pair = ownPair(map, key);
    if (pair !== undefined && !isDeepStrictEqual(before[key], value))
      splices.push(...changed(source, pair, before[key], value, layout));
  }
  return added.length === 0 ? splices : [...splices, addPairs(source, map, stays, added, layout)];
}

function changed(source: string, pair: Pair, before: unknown, after: unknown, layout: Layout): readonly Splice[] {
  const inner =
    isMapping(before) && isMapping(after) && isMap(pair.value)
      ? differences(source, pair.value, before, after, { ...layout, blocks: 0 })
      : undefined;
  return inner ?? [setValue(source, pair, after)];
}

/** The line end a text uses. */
function newlineOf(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}
