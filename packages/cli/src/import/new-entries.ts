// Chooses which of the imported entries are added to a manifest: those that it does not have yet.
import type { ImportNote, Lamina, Manifest, ModelEntry } from '@lamina/core';
import type { Imported } from './imported.js';

/** The entries to add. */
export interface NewEntries extends Pick<Imported, 'models' | 'backends' | 'groups' | 'notes'> {
  /** The models that are in the manifest already. */
  readonly known: readonly string[];
}

/** The imported entries that a manifest does not have: by name and alias, and by file. */
export function newEntries(imported: Imported, { models: catalog }: Pick<Lamina, 'models'>): NewEntries {
  const written = catalog.list().filter(({ model }) => model.from === 'manifest');
  const names = new Set(written.flatMap(({ model }) => [model.name, ...model.aliases]));
  const paths = new Set(written.flatMap(({ model }) => model.files.map(({ path }) => path)));
  const isKnown = ([name, { path, base }]: readonly [string, ModelEntry]) =>
    names.has(name) || (base === undefined && path !== undefined && paths.has(path) && !isShared(path, imported));
  const entries = Object.entries(imported.models);
  const added = entries.filter((entry) => !isKnown(entry));
  const { models, notes } = withFreeAliases(added, names);
  const known = entries.filter(isKnown).map(([name]) => name);
  const used = new Set(added.map(([, { backend }]) => backend));
  const isNew =
    (section: keyof Manifest) =>
    ([name]: readonly [string, unknown]) =>
      !Object.hasOwn(catalog.manifest[section], name);
  return {
    models,
    backends: Object.fromEntries(
      Object.entries(imported.backends)
        .filter(([name]) => used.has(name))
        .filter(isNew('backends')),
    ),
    groups: added.length === 0 ? {} : Object.fromEntries(Object.entries(imported.groups).filter(isNew('groups'))),
    notes: [...imported.notes.filter(({ what }) => !known.some((name) => isAbout(what, name))), ...notes],
    known,
  };
}

/** Whether a note is about a model. */
function isAbout(what: string, name: string): boolean {
  return what === name || what.startsWith(`models.${name}.`);
}

/** Whether several imported models use a file: their names then say which one is known. */
function isShared(path: string, { models }: Imported): boolean {
  return Object.values(models).filter((entry) => entry.path === path).length > 1;
}

/** The entries without the aliases that others have. */
function withFreeAliases(
  added: readonly (readonly [string, ModelEntry])[],
  known: ReadonlySet<string>,
): { models: Record<string, ModelEntry>; notes: ImportNote[] } {
  const taken = new Set([...known, ...added.map(([name]) => name)]);
  const notes: ImportNote[] = [];
  const models = added.map(([name, entry]) => {
    const { aliases = [], ...rest } = entry;
    const free = aliases.filter((alias) => {
      if (!taken.has(alias)) return taken.add(alias);
      notes.push({ what: name, message: `Its alias "${alias}" is the name or an alias of another model.` });
      return false;
    });
    if (free.length === aliases.length) return [name, entry] as const;
    return [name, free.length === 0 ? rest : { ...entry, aliases: free }] as const;
  });
  return { models: Object.fromEntries(models), notes };
}
