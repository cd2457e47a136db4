// What `lamina init` would write, and what it shows of it and of the machine.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BackendRecord } from '@lamina/core';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import width from 'fast-string-width';
import { showBytes } from '../amounts.js';
import type { CliIo } from '../cli-io.js';
import { withShortPaths } from '../home-folder.js';
import type { Printer } from '../printer.js';
import { counted, pairs, wrap } from '../table.js';
import type { Machine } from './machine.js';

/** A file of the plan. */
export interface PlannedFile {
  readonly path: string;
  /** What to write; `undefined` when the file exists, which is never changed. */
  readonly text: string | undefined;
  /** The content in a few words. */
  readonly summary: string;
}

/** Files of other programs that the plan lists one by one. */
const mostListed = 8;

/** The machine in a few lines. */
export function machineText(machine: Machine, modelsDir: string, { env, stdout }: CliIo, { style }: Printer): string {
  const { memory, devices, engines, stores } = machine;
  const lines: readonly (readonly [string, string])[] = [
    ['Memory', `${showBytes(memory.totalBytes)}, of which models may use ${showBytes(memory.budgetBytes)}`],
    ['GPU', devices.map(({ name, description }) => description ?? name).join(', ') || 'none that an engine can use'],
    ['Engines', enginesText(engines)],
    ['Models', modelsText(machine)],
    ...stores.map(({ path, models }) => ['Ollama', `${counted(models, 'model')} in ${path}`] as const),
    ['Directory', `${modelsDir}, for models and their manifest`],
  ];
  return `${style.bold('This machine')}\n${wrappedPairs(lines, env, stdout.columns)}`;
}

/** The files to write and those that are there, and the models that the new manifest names. */
export function planText(
  files: readonly PlannedFile[],
  { found }: Machine,
  { env, stdout }: CliIo,
  printer: Printer,
): string {
  const { bold } = printer.style;
  const section = (title: string, shown: readonly PlannedFile[]) => {
    const lines = shown.map(({ path, summary }) => [withShortPaths(path, env), summary] as const);
    return lines.length === 0 ? [] : [`${bold(title)}\n${wrappedPairs(lines, env, stdout.columns)}`];
  };
  const rows = found
    .slice(0, mostListed)
    .map(({ name, path, bytes }) => [name, showBytes(bytes), withShortPaths(path, env)]);
  const more = found.length - rows.length;
  const table = `${bold('Models to add, used where they are')}\n${printer.table(['NAME', '>SIZE', 'FILE'], rows)}`;
  return [
    ...section(
      'To write',
      files.filter(({ text }) => text !== undefined),
    ),
    ...section(
      'Already there',
      files.filter(({ text }) => text === undefined),
    ),
    ...(rows.length === 0 ? [] : [more > 0 ? `${table}\n… and ${more} more` : table]),
  ].join('\n\n');
}

/** Names and values, with values that are too long for the terminal in several lines. */
function wrappedPairs(
  entries: readonly (readonly [name: string, value: string])[],
  env: CliIo['env'],
  columns = Infinity,
): string {
  const start = Math.max(...entries.map(([name]) => width(name))) + 4;
  const lines = (value: string) =>
    wrap(withShortPaths(value, env), columns - start).replaceAll('\n', `\n${' '.repeat(start)}`);
  return pairs(entries.map(([name, value]) => [name, lines(value)]));
}

/**
 * Writes the files that are missing. One that was made meanwhile is not overwritten.
 * @throws LaminaError `CONFIG_INVALID` for the first one that cannot be written
 */
export async function writeFiles(files: readonly PlannedFile[]): Promise<void> {
  for (const { path, text } of files) {
    if (text === undefined) continue;
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text, { flag: 'wx' });
    } catch (error) {
      const message = `Cannot write ${path}: ${reasonOf(error)}. Correct that, or choose another directory.`;
      throw new LaminaError('CONFIG_INVALID', { message, file: path }, { cause: error });
    }
  }
}

/** A file of the plan, with its text only where there is no such file. */
export function plannedFile(path: string, text: string, summary: string): PlannedFile {
  return existsSync(path) ? { path, text: undefined, summary: 'not changed' } : { path, text, summary };
}

function enginesText(engines: readonly BackendRecord[]): string {
  if (engines.length === 0) return 'none: no plugin for one is installed';
  const here = engines.flatMap(({ name, availability }) =>
    availability.available ? [`${name} ${availability.version ?? ''}`.trim() + noteOf(availability.note)] : [],
  );
  const missing = engines.filter(({ availability }) => !availability.available).map(({ name }) => name);
  return [...here, ...(missing.length === 0 ? [] : [`not installed: ${missing.join(', ')}`])].join('; ');
}

/** Engines that are installed at their first use have a note. */
function noteOf(note: string | undefined): string {
  return note?.includes('backends install') === true ? ' (not installed yet)' : '';
}

function modelsText({ served, adopted, found }: Machine): string {
  if (served.length + found.length === 0) return 'none found';
  const parts = [
    ...(served.length - adopted > 0 ? [`${served.length - adopted} here`] : []),
    ...(adopted > 0 ? [`${adopted} of other programs, served in place`] : []),
    ...(found.length > 0 ? [`${found.length} found elsewhere`] : []),
  ];
  return parts.join(', ');
}
