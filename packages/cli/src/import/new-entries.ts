// Chooses which of the imported entries are added to a manifest: those that it does not have yet.
import type { ImportNote, Lamina, Manifest, ModelEntry } from '@lamina/core';
import type { Imported } from './imported.js';

/** The entries to add. */
export interface NewEntries extends Pick<Imported, 'models' | 'backends' | 'groups' | 'notes'> {
  /** The models that are in the manifest already. */
  readonly known: readonly string[];
}

/** The imported entries whose names are no name or alias in the manifest. */
export function newEntries(imported: Imported, { models: catalog }: Pick<Lamina, 'models'>): NewEntries {
  const written = catalog.list().filter(({ model }) => model.from === 'manifest');
  const names = new Set(written.flatMap(({ model }) => [model.name, ...model.aliases]));
  const isKnown = ([name]: readonly [string, unknown]) => names.has(name);
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
    notes: [
      ...imported.notes.filter(({ what }) => !known.some((name) => isAbout(what, name))),
      ...notes,
      ...groupNotes(imported, Object.keys(models), catalog.manifest),
    ],
    known,
  };
}

/** New models that belong to a group of the manifest, which stays as it is. */
function groupNotes({ groups }: Imported, added: readonly string[], manifest: Manifest): readonly ImportNote[] {
  return Object.entries(groups).flatMap(([name, { models }]) => {
    const missing = models.filter((model) => added.includes(model));
    return !Object.hasOwn(manifest.groups, name) || missing.length === 0
      ? []
      : [
          {
            what: `groups.${name}`,
            message: `The manifest has a group of this name. To limit them too, add ${missing.join(', ')} to it.`,
          },
        ];
  });
}

/** Whether a note is about a model. */
function isAbout(what: string, name: string): boolean {
  return what === name || what.startsWith(`models.${name}.`);
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
