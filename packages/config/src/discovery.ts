// Finds plugins among the packages of a project by their package.json files; loads no code of them.
import { join, normalize } from 'node:path';
import { readPackageJson } from './package-json.js';
import type { Project } from './project.js';

/** A package that says it is a plugin. */
export interface PluginPackage {
  /** The name it is installed under. */
  readonly package: string;
  readonly version?: string;
  readonly directory: string;
  /** The file and the name of the export; `undefined` when its package.json does not say. */
  readonly entry: { readonly file: string; readonly name: string } | undefined;
  /** The commands that it contributes to `lamina`: name → one line of help. */
  readonly commands: Readonly<Record<string, string>>;
}

const keyword = 'lamina-plugin';

/** The plugins among the packages of a project, in order of name. */
export function findPlugins(project: Project): readonly PluginPackage[] {
  return project.packages.flatMap((name) => {
    const found = findPlugin(project, name);
    return found?.isMarked === true ? [found.plugin] : [];
  });
}

/** A package of a project as a plugin; `isMarked`: it has the keyword. */
export function findPlugin(
  project: Pick<Project, 'find'>,
  name: string,
): { readonly isMarked: boolean; readonly plugin: PluginPackage } | undefined {
  const directory = project.find(name);
  const json = directory === undefined ? undefined : readPackageJson(directory);
  if (directory === undefined || json === undefined) return undefined;
  const { version, keywords, lamina } = json;
  return {
    isMarked: Array.isArray(keywords) && keywords.includes(keyword),
    plugin: {
      package: name,
      ...(typeof version === 'string' ? { version } : {}),
      directory,
      entry: entryOf(directory, lamina?.plugin),
      commands: commandsOf(lamina?.commands),
    },
  };
}

/** `./dist/index.js#llamacpp`: a file in the package and an export, by default the default export. */
function entryOf(directory: string, written: unknown): PluginPackage['entry'] {
  if (typeof written !== 'string') return undefined;
  const [path, name = 'default'] = written.split('#') as [string, string?];
  if (!path.startsWith('./') || normalize(path).startsWith('..')) return undefined;
  return { file: join(directory, path), name };
}

function commandsOf(written: unknown): Readonly<Record<string, string>> {
  if (typeof written !== 'object' || written === null) return {};
  const entries = Object.entries(written).filter(
    (entry): entry is [string, string] => /^[a-z][a-z0-9-]*$/.test(entry[0]) && typeof entry[1] === 'string',
  );
  return Object.fromEntries(entries);
}
