// The configuration file: where it is, and what it says. A file that is code runs only if it belongs to the command.
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { extname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Problem, Schema } from '@lamina/core';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import type { Project } from './project.js';
import { dataSchema, moduleSchema } from './file-schema.js';
import { settings } from './settings.js';

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A configuration file that was read. */
export interface ConfigurationFile {
  readonly path: string;
  /** What it says, checked. */
  readonly content: Readonly<Record<string, unknown>>;
}

const extensions = ['js', 'mjs', 'ts', 'json', 'yaml', 'yml'];

/** Settings that older versions had. */
const removed: Readonly<Record<string, string>> = {
  'limits.abandonTimeout':
    'was removed: a start that no client waits for goes on until another model needs its memory. Delete it.',
};
const names = extensions.map((extension) => `lamina.config.${extension}`);

/** The folder in which a configuration file is looked for: that of the project, or for a global command the user's. */
export function configurationFolder({ directory }: Project, env: Environment): string {
  if (directory !== undefined) return directory;
  const { XDG_CONFIG_HOME: xdg, APPDATA: roaming } = env;
  if (xdg !== undefined && isAbsolute(xdg)) return join(xdg, 'lamina');
  if (process.platform === 'win32' && roaming !== undefined) return join(roaming, 'lamina');
  return join(env['HOME'] || homedir(), '.config', 'lamina');
}

/**
 * Reads the file at `path`, or the one in the folder of the project, if there is one.
 * @throws LaminaError `CONFIG_INVALID`
 */
export async function readConfigurationFile(
  path: string | undefined,
  folder: string,
): Promise<ConfigurationFile | undefined> {
  const shown = path ?? findFile(folder);
  if (shown === undefined) return undefined;
  const absolute = resolve(shown);
  const extension = extname(absolute);
  if (extension === '.json' || extension === '.yaml' || extension === '.yml')
    return { path: absolute, content: await readData(absolute, shown, extension) };
  const content = await importDefault(absolute, shown);
  const problem = await problemOf(moduleSchema, content);
  if (problem !== undefined) throw invalid(shown, problem);
  return { path: absolute, content };
}

function findFile(folder: string): string | undefined {
  const found = names.map((name) => join(folder, name)).filter((path) => existsSync(path));
  if (found.length > 1)
    throw new LaminaError('CONFIG_INVALID', {
      message: `There are several configuration files: ${found.join(' and ')}. Keep one of them.`,
      file: found[0],
    });
  return found[0];
}

async function importDefault(path: string, shown: string): Promise<Readonly<Record<string, unknown>>> {
  if (!existsSync(path)) throw unreadable(shown, 'the file does not exist');
  if (extname(path) === '.ts' && !('typescript' in process.features && process.features.typescript))
    throw unreadable(shown, `Node ${process.versions.node} runs no TypeScript. Use Node 22.18 or newer, or JavaScript`);
  const config = await import(pathToFileURL(path).href).then(
    (module: Readonly<Record<string, unknown>>) => module['default'],
    (error: unknown) => {
      throw unreadable(shown, reasonOf(error), error);
    },
  );
  if (typeof config === 'object' && config !== null) return config as Readonly<Record<string, unknown>>;
  throw new LaminaError('CONFIG_INVALID', {
    message: `${shown} must have a default export: export default { plugins: […] };`,
    file: shown,
  });
}

async function readData(path: string, shown: string, extension: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw unreadable(shown, reasonOf(error), error);
  }
  const { LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  // JSON is YAML, so that the lines of its keys are known too.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const placeOf = (path: readonly string[]) => {
    const range = nodeAt(document.contents, path);
    return range === undefined ? undefined : lines.linePos(range);
  };
  const [fault] = document.errors;
  if (extension !== '.json' && fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    const message = `${shown}, line ${line}: ${fault.message.replace(/\.?$/, '.')}`;
    throw new LaminaError('CONFIG_INVALID', { message, file: shown, line, column: col });
  }
  const content: unknown = (extension === '.json' ? parseJson(text, shown) : document.toJS()) ?? {};
  const problem = await problemOf(dataSchema, content);
  if (problem !== undefined) throw invalid(shown, problem, placeOf(problem.path));
  return content as Readonly<Record<string, unknown>>;
}

/**
 * What is wrong, the deepest first: of a misspelt key, not that the right one is missing. Core is loaded only now, since
 * most of a command's help does not need it.
 */
async function problemOf(schema: Schema, content: unknown): Promise<Problem | undefined> {
  const { check } = await import('@lamina/core');
  return check(schema, content).toSorted((a, b) => b.path.length - a.path.length)[0];
}

function parseJson(text: string, shown: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(shown, reasonOf(error), error);
  }
}

interface YamlNode {
  readonly range?: readonly number[];
  readonly items?: readonly (YamlNode & { readonly key?: { readonly value?: unknown; range?: readonly number[] } })[];
  readonly value?: unknown;
}

/** The offset of the key at a path, or of what is nearest to it. */
function nodeAt(node: unknown, [first, ...rest]: readonly string[]): number | undefined {
  const { items, range } = (node ?? {}) as YamlNode;
  if (first === undefined || items === undefined) return range?.[0];
  const pair = items.find(({ key }) => key !== undefined && String(key.value) === first);
  if (pair === undefined) return nodeAt(items[Number(first)], rest) ?? range?.[0];
  return rest.length === 0 ? pair.key?.range?.[0] : (nodeAt(pair.value, rest) ?? pair.key?.range?.[0]);
}

function invalid(file: string, { path, message }: Problem, place?: { line: number; col: number }): LaminaError {
  const key = path.join('.');
  const secret = settings.find((setting) => setting.isSecret === true && `${key}.`.startsWith(`${setting.key}.`));
  // The message would quote a secret.
  const fault = removed[key] ?? (secret === undefined ? message : 'is not right');
  const where = place === undefined ? file : `${file}, line ${place.line}`;
  return new LaminaError('CONFIG_INVALID', {
    message:
      key === ''
        ? `${where}: The configuration ${fault}.`
        : `${where}: "${key}" ${fault}${/[.?]$/.test(fault) ? '' : '.'}`,
    file,
    key,
    ...(place === undefined ? {} : { line: place.line, column: place.col }),
  });
}

function unreadable(file: string, reason: string, cause?: unknown): LaminaError {
  const message = `Cannot load ${file}: ${reason}${/[.?!]$/.test(reason) ? '' : '.'}`;
  return new LaminaError('CONFIG_INVALID', { message, file }, { cause });
}
