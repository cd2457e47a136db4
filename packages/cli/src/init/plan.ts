// What `lamina init` would write, and what it shows of it and of the machine.
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { BackendRecord } from '@lamina/core';
import { showBytes } from '../amounts.js';
import type { CliIo } from '../cli-io.js';
import { shownPath } from '../home-folder.js';
import type { Printer } from '../printer.js';
import { counted, pairs } from '../table.js';
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
export function machineText(machine: Machine, modelsDir: string, { env }: CliIo, { style }: Printer): string {
  const { memory, devices } = machine;
  const lines: readonly (readonly [string, string])[] = [
    ['Memory', `${showBytes(memory.totalBytes)}, of which models may use ${showBytes(memory.budgetBytes)}`],
    ['GPU', devices.map(({ name, description }) => description ?? name).join(', ') || 'none that an engine can use'],
    ['Engines', enginesText(machine.engines)],
    ['Models', `${modelsText(machine)}; new ones go to ${shownPath(modelsDir, env)}`],
    ...machine.stores.map(
      ({ path, models }) => ['Ollama', `${counted(models, 'model')} in ${shownPath(path, env)}`] as const,
    ),
  ];
  return `${style.bold('This machine')}\n${pairs(lines)}`;
}

/** The files to write and those that are there, and the models that the new manifest names. */
export function planText(
  files: readonly PlannedFile[],
  { found }: Machine,
  { env }: CliIo,
  { style }: Printer,
): string {
  const shown = ({ path, summary }: PlannedFile) => [shownPath(path, env), summary] as const;
  const missing = files.filter(({ text }) => text !== undefined);
  const present = files.filter(({ text }) => text === undefined);
  const models = found
    .slice(0, mostListed)
    .map(({ name, path, bytes }) => [name, `${shownPath(path, env)}, ${showBytes(bytes)}`] as const);
  const more = found.length - models.length;
  const sections = [
    ...(missing.length === 0 ? [] : [`${style.bold('To write')}\n${pairs(missing.map(shown))}`]),
    ...(present.length === 0 ? [] : [`${style.bold('Already there')}\n${pairs(present.map(shown))}`]),
    ...(models.length === 0 ? [] : [`${style.bold('Models to add, used where they are')}\n${pairs(models)}`]),
  ];
  return sections.join('\n\n') + (more > 0 ? `\n  … and ${more} more` : '');
}

/** Writes the files that are missing. One that was made meanwhile is an error, not overwritten. */
export async function writeFiles(files: readonly PlannedFile[]): Promise<void> {
  for (const { path, text } of files) {
    if (text === undefined) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
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
