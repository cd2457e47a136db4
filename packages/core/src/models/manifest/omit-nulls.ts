// A key without a value, as in `categories:` on a line of its own, counts as absent.
import { isMapping } from '../../kernel/json.js';

/** The manifest without empty keys, at the top and in entries. An empty entry stays: it is reported as a problem. */
export function omitNulls(manifest: unknown): unknown {
  if (manifest === null || manifest === undefined) return {};
  if (!isMapping(manifest)) return manifest;
  const { models, ...sections } = omitNullKeys(manifest);
  if (!isMapping(models)) return models === undefined ? sections : { ...sections, models };
  const entries = Object.entries(models).map(
    ([name, entry]) => [name, isMapping(entry) ? omitNullKeys(entry) : entry] as const,
  );
  return { ...sections, models: Object.fromEntries(entries) };
}

function omitNullKeys(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null && part !== undefined));
}
