// What `lamina init` would write, and what it shows of it and of the machine.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BackendRecord } from '@lamina/core';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { showBytes } from '../amounts.js';
import type { CliIo } from '../cli-io.js';
import { withShortPaths } from '../home-folder.js';
import type { Printer } from '../printer.js';
import { enginesHere, enginesMissing } from '../engine-lists.js';
import { counted } from '../table.js';
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
export function machineText(machine: Machine, modelsDir: string, { env }: CliIo, printer: Printer): string {
  const { memory, devices, engines, stores } = machine;
  const lines: readonly (readonly [string, string])[] = [
    ['Memory', `${showBytes(memory.totalBytes)}, of which models may use ${showBytes(memory.budgetBytes)}`],
    ['GPU', devices.map(({ name, description }) => description ?? name).join(', ') || 'none that an engine can use'],
    ['Engines', enginesText(engines)],
    ['Models', modelsText(machine)],
    ...stores.map(({ path, models }) => ['Ollama', `${counted(models, 'model')} in ${path}`] as const),
    ['Directory', `${modelsDir}, for models and their manifest`],
  ];
  const table = printer.pairs(lines.map(([name, value]) => [name, withShortPaths(value, env)]));
  return `${printer.style.bold('This machine')}\n${table}`;
}

/** The files to write and those that are there, and the models that the new manifest names. */
export function planText(files: readonly PlannedFile[], { found }: Machine, { env }: CliIo, printer: Printer): string {
  const { bold } = printer.style;
  const section = (title: string, shown: readonly PlannedFile[]) => {
    const lines = shown.map(({ path, summary }) => [withShortPaths(path, env), withShortPaths(summary, env)] as const);
    return lines.length === 0 ? [] : [`${bold(title)}\n${printer.pairs(lines)}`];
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
  return [...enginesHere(engines, 'not installed yet'), ...enginesMissing(engines)].join('; ');
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
