// Parses the text of a manifest: js-yaml reads the data; yaml explains what js-yaml refuses and finds lines and columns.
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import type { Problem } from '../../kernel/check.js';
import { EntryKeys } from './entry-keys.js';
import { invalid, sentence } from './diagnostics.js';
import { buildManifest, type ManifestReading } from './manifest.js';
import { isMapping } from '../../kernel/json.js';
import { locate, parseYaml, readYaml } from './yaml-diagnostics.js';

/** YAML 1.2 with merge keys. Texts with aliases are read by yaml, where circular and exploding aliases are found. */
const loadOptions = { schema: CORE_SCHEMA.withTags(mergeTag), maxAliases: 0 };

/** Parses a manifest. @throws LaminaError `CONFIG_INVALID` with every problem, each with file, line and column */
export function parseManifest(source: string, file: string, keys = new EntryKeys()): ManifestReading {
  const text = source.startsWith('\uFEFF') ? source.slice(1) : source;
  // It lives as long as the manifest, so it keeps the text and not the document, which takes far more memory.
  const locateAll = (problems: readonly Problem[]) => {
    if (problems.length === 0) return [];
    const yaml = parseYaml(text);
    return problems.map((problem) => ({ file, ...locate(yaml, problem.path), message: sentence(problem) }));
  };
  let value = loadQuickly(text);
  if (value === undefined || hasNumericName(value) || hasNullKey(value)) {
    const read = readYaml(parseYaml(text));
    if ('problems' in read) throw invalid(read.problems.map(({ place, message }) => ({ file, ...place, message })));
    value = read.value;
  }
  return buildManifest(value, keys, locateAll);
}

function loadQuickly(text: string): unknown {
  try {
    return load(text, loadOptions);
  } catch {
    return undefined;
  }
}

/** `3.10:` is a number to YAML and becomes "3.1"; only yaml knows how a name was written. */
function hasNumericName(value: unknown): boolean {
  const models = isMapping(value) ? value['models'] : undefined;
  return isMapping(models) && Object.keys(models).some((name) => name.trim() !== '' && !Number.isNaN(Number(name)));
}

/** A key that is nothing (`~:`) becomes the text "null"; only yaml knows which. */
function hasNullKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, 'null') || Object.values(value).some(hasNullKey);
}
