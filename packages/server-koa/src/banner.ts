// What a terminal shows when the server has started: where it listens, what it serves, and what is wrong.
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import type { Style } from '@lamina/config';
import type { BackendRecord, Lamina } from '@lamina/core';
import { counted } from './counted.js';

/** A server that has started. */
export interface StartedServer {
  readonly lamina: Lamina;
  readonly url: string;
  readonly modelsDir: string;
  /** The plugins that were found and not loaded. */
  readonly notLoaded: readonly string[];
}

/** The first lines. The time is that since the start of the process. */
export function banner({ lamina, url, modelsDir, notLoaded }: StartedServer, style: Style): string {
  const { bold, cyan, dim, green } = style;
  const { version } = createRequire(import.meta.url)('@lamina/server-koa/package.json') as { version: string };
  const problems = lamina.models.diagnostics().length;
  return [
    '',
    `  ${bold(green(`Lamina ${version}`))}  ${dim(`ready in ${Math.round(performance.now())} ms`)}`,
    '',
    ...(hasPage(lamina) ? [row('Page', cyan(url), style)] : []),
    row('OpenAI API', cyan(`${url}/v1`), style),
    ...modelsRows(lamina, modelsDir, style),
    ...(problems === 0 ? [] : [problem(`${counted(problems, 'problem')} in the manifest: lamina validate`, style)]),
    ...(notLoaded.length === 0 ? [] : [problem(`not loaded: ${notLoaded.join(', ')}: lamina plugins`, style)]),
  ].join('\n');
}

/** The last line of the banner: the engines, which are known later. */
export function enginesRow(records: readonly BackendRecord[], style: Style): string {
  const found = records.flatMap(({ name, availability }) =>
    availability.available ? [availability.version === undefined ? name : `${name} ${availability.version}`] : [],
  );
  return found.length === 0
    ? problem('no engine can run models on this machine: lamina backends', style)
    : row('Engines', found.join(', '), style);
}

/** Whether the address of the server shows something in a browser. */
function hasPage(lamina: Lamina): boolean {
  return lamina.extensions('http').some(({ value }) => value.page !== undefined);
}

function modelsRows({ models, runtime }: Lamina, modelsDir: string, style: Style): readonly string[] {
  const { total_models: total, available_models: available } = models.stats();
  const folder = shortPath(modelsDir);
  const found = row('Models', `${total === 0 ? 'none' : `${available} of ${total} on disk`} in ${folder}`, style);
  if (total === 0) return [found, row('Next', style.cyan('lamina pull <model|reference>'), style)];
  const inUse = runtime.slots().map(({ model, state }) => `${model} (${state})`);
  return [found, ...(inUse.length === 0 ? [] : [row('In use', inUse.join(', '), style)])];
}

function row(label: string, value: string, { bold, green }: Style): string {
  return `  ${green('➜')}  ${bold(label.padEnd(11))} ${value}`;
}

function problem(text: string, { bold, yellow }: Style): string {
  return `  ${yellow('!')}  ${bold('Problem'.padEnd(11))} ${yellow(text)}`;
}

/** A path as people write it. */
function shortPath(path: string): string {
  const home = homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
