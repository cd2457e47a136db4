// Changes one entry in the text of a manifest. Several ways are tried, the least invasive first, until one means exactly
// what was asked for.
import { isDeepStrictEqual } from 'node:util';
import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml';
import type { Manifest } from '../../contract/manifest.js';
import { withEdit, type Edit } from './manifest.js';
import { isMapping } from '../../kernel/json.js';
import { parseManifest } from './parse.js';
import { renderPair } from './render.js';
import { addPairs, applySplices, openBlock, ownPair, removePair, setValue, stepOf, type Splice } from './splices.js';

/** Makes a text with the edit in it; `undefined` when this way is not possible. */
type Proposal = () => string | undefined;

const entryBlocks = 2;
const everything = () => true;

/** How added keys are laid out. */
interface Layout {
  readonly step: string;
  readonly newline: string;
  readonly blocks: number;
}

/** An entry as plain data. */
type Entry = Readonly<Record<string, unknown>>;

/** A text with the mapping at its top and the mapping of the section of an edit, as far as it has them. */
interface ManifestText {
  readonly text: string;
  readonly newline: string;
  readonly top: YAMLMap | undefined;
  readonly section: string;
  readonly entries: YAMLMap | undefined;
}

/**
 * The text with the edit in it and every other byte unchanged; `undefined` when such a text does not exist. `manifest` is
 * what `text` means.
 */
export function editText(text: string, manifest: Manifest, edit: Edit): string | undefined {
  const { section = 'models', name } = edit;
  const entry = edit.entry === undefined ? undefined : (JSON.parse(JSON.stringify(edit.entry)) as Entry);
  const before = Object.hasOwn(manifest[section], name) ? manifest[section][name] : undefined;
  if (isDeepStrictEqual(before, entry)) return text;
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const wanted = withEdit(manifest, { section, name, entry });
  for (const proposal of proposalsFor(body, section, name, before, entry)) {
    const proposed = proposal();
    if (proposed !== undefined && means(proposed, wanted)) return text.slice(0, text.length - body.length) + proposed;
  }
  return undefined;
}

function proposalsFor(
  text: string,
  section: string,
  name: string,
  before: Entry | undefined,
  after: Entry | undefined,
): readonly Proposal[] {
  const { contents } = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: 'error' });
  const top = isMap(contents) ? contents : undefined;
  const entries = top && ownPair(top, section)?.value;
  const source: ManifestText = {
    text,
    newline: text.includes('\r\n') ? '\r\n' : '\n',
    top,
    section,
    entries: isMap(entries) ? entries : undefined,
  };
  if (before === undefined) return after === undefined ? [] : additions(source, name, after);
  const pair = source.entries && ownPair(source.entries, name);
  if (pair === undefined) return [];
  return after === undefined ? removals(source, pair) : changes(source, pair, before, after);
}

function means(text: string, wanted: Manifest): boolean {
  try {
    return isDeepStrictEqual(parseManifest(text, '').manifest, wanted);
  } catch {
    return false;
  }
}

/** Ways to write an entry that the manifest does not have. */
function additions(source: ManifestText, name: string, entry: Entry): readonly Proposal[] {
  const { text, newline, top, section, entries } = source;
  const rendered = renderPair(name, entry, { indent: '  ', step: '  ', newline, blocks: entryBlocks });
  const pair = top && ownPair(top, section);
  return [
    () =>
      entries === undefined || entries.items.length === 0
        ? undefined
        : applySplices(text, [
            addPairs(text, entries, everything, [[name, entry]], {
              step: stepOf(text, entries),
              newline,
              blocks: entryBlocks,
            }),
          ]),
    // `models:` without entries, or the same of another section.
    () => pair && applySplices(text, [openBlock(text, pair, `${newline}  ${rendered}`)]),
    () => `${text}${text === '' || text.endsWith('\n') ? '' : newline}${section}:${newline}  ${rendered}${newline}`,
  ];
}

/** Ways to change an entry: key by key, else as a whole. */
function changes({ text, newline }: ManifestText, pair: Pair, before: Entry, after: Entry): readonly Proposal[] {
  const layout = { step: '  ', newline, blocks: 1 };
  return [
    () => {
      const splices = isMap(pair.value) ? differences(text, pair.value, before, after, layout) : undefined;
      return splices && applySplices(text, splices);
    },
    () => applySplices(text, [setValue(text, pair, after)]),
  ];
}

/** Ways to remove an entry. */
function removals({ text, entries }: ManifestText, pair: Pair): readonly Proposal[] {
  return [() => applySplices(text, [removePair(text, entries!, everything, pair)])];
}

/**
 * The differences key by key; `undefined` when the mapping must be written again: none of its keys stay, or a removed
 * key comes from a merge.
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
