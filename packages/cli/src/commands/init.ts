// lamina init: looks at the machine and writes a manifest and a configuration, after it has said what it would write.
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Configuration } from '@lamina/config';
import type { Command } from 'commander';
import { isInteractive, type CliIo } from '../cli-io.js';
import { configurationOf } from '../configuration-of.js';
import { confirm } from '../confirm.js';
import { refuseServer } from '../contributed-commands.js';
import type { GlobalOptions } from '../global-options.js';
import { withShortPaths } from '../home-folder.js';
import { configurationText, manifestText } from '../init/files.js';
import type { Machine, OpenWith } from '../init/machine.js';
import { nextSteps } from '../init/next-steps.js';
import { machineText, planText, plannedFile, writeFiles, type PlannedFile } from '../init/plan.js';
import type { CommandResult } from '../printer.js';
import type { Session } from '../session.js';
import { StatusLine } from '../status-line.js';
import { counted } from '../table.js';
import { addExample } from './example.js';

interface InitOptions extends GlobalOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly modelsDir?: string;
}

/** What is to be done, and what it follows from. */
interface Plan {
  readonly machine: Machine;
  readonly modelsDir: string;
  readonly files: readonly PlannedFile[];
  readonly next: readonly string[];
}

/** Adds the command. */
export function initCommand(program: Command, session: Session): void {
  const command = program
    .command('init')
    .argument('[directory]', 'Directory of the models, like --models-dir')
    .option('-y, --yes', 'Write the files without asking')
    .option('--dry-run', 'Only show what would be written')
    .summary('Look at this machine and write a configuration')
    .description('Look at this machine and write a first configuration')
    .action(async (directory: string | undefined, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<InitOptions>();
      refuseServer(command, options);
      if (directory !== undefined && options.modelsDir !== undefined)
        command.error('Name the directory of the models once: as the argument or with --models-dir.');
      const named = directory ?? options.modelsDir;
      await init(named === undefined ? options : { ...options, modelsDir: resolve(named) }, command, session);
    });
  addExample(command, 'lamina init ~/models --yes');
}

async function init(options: InitOptions, command: Command, session: Session): Promise<void> {
  const { io, printer } = session;
  const plan = await makePlan(options, session);
  const { machine, modelsDir, files, next } = plan;
  const missing = files.filter(({ text }) => text !== undefined);
  const parts = [machineText(machine, modelsDir, io, printer), planText(files, machine, io, printer)];
  if (missing.length > 0 && options.dryRun !== true && options.yes !== true) {
    const isAsked = isInteractive(io) && !printer.json;
    if (!isAsked) session.print({ json: viewOf(plan, false), text: parts.join('\n\n') });
    if (!isAsked) command.error('Nothing was written, since there is nobody to ask. Add --yes to write these files.');
    printer.write(`${parts.splice(0).join('\n\n')}\n\n`);
    if (!(await confirm('Write these files?', io)))
      return session.print({ json: viewOf(plan, false), text: 'Nothing was written.', code: 1 });
    printer.write('\n');
  }
  const isWritten = options.dryRun !== true && missing.length > 0;
  if (isWritten) await writeFiles(files);
  const { style } = printer;
  const commands = next.map((line) => `  ${style.cyan(line)}`).join('\n');
  session.print({
    json: viewOf(plan, isWritten),
    text: [...parts, sentenceOf(plan, isWritten, io.env), `${style.bold('Next')}\n${commands}`].join('\n\n'),
  });
}

async function makePlan(options: InitOptions, session: Session): Promise<Plan> {
  const { io, printer } = session;
  const configuration = await configurationOf(options, io);
  const { lamina } = configuration;
  const modelsDir = resolve(lamina.modelsDir ?? 'models');
  const { manifest: written = join(modelsDir, 'models.yaml') } = lamina;
  // A manifest that the configuration holds itself is no file.
  const manifest = typeof written === 'string' ? resolve(written) : undefined;
  const hasManifest = manifest === undefined || existsSync(manifest);
  // Core refuses a named manifest that does not exist.
  const open: OpenWith = (models) =>
    session.open(hasManifest ? options : { ...options, manifest: { models } }, 'attached', { showsPlugins: true });
  const status = new StatusLine(io.stderr, printer);
  status.show('Looking at this machine');
  try {
    const { inspectMachine } = await import('../init/machine.js');
    const machine = await inspectMachine(open, modelsDir, hasManifest, io);
    const files = [
      ...(manifest === undefined ? [] : [plannedManifest(manifest, machine)]),
      plannedConfiguration(configuration, modelsDir, machine, io.env),
    ];
    return { machine, modelsDir, files, next: nextSteps(machine, configuration.project) };
  } finally {
    status.clear();
  }
}

function plannedManifest(path: string, { found }: Machine): PlannedFile {
  const summary = found.length === 0 ? 'no models yet' : `${counted(found.length, 'model')} of other programs`;
  return plannedFile(path, manifestText(found), summary);
}

function plannedConfiguration({ file, folder }: Configuration, modelsDir: string, machine: Machine, env: CliIo['env']) {
  const path = file?.path ?? join(folder, 'lamina.config.yaml');
  const planned = plannedFile(
    path,
    configurationText(modelsDir, path, machine),
    `modelsDir: ${withShortPaths(modelsDir, env)}`,
  );
  const written = file?.content['modelsDir'];
  const names = typeof written === 'string' ? resolve(dirname(path), written) : resolve('models');
  if (planned.text !== undefined || names === modelsDir) return planned;
  return { ...planned, summary: `not changed; its modelsDir is ${withShortPaths(names, env)}` };
}

function sentenceOf({ files }: Plan, isWritten: boolean, env: CliIo['env']): string {
  const missing = files.filter(({ text }) => text !== undefined).map(({ path }) => withShortPaths(path, env));
  if (missing.length === 0) return 'Everything is set up; nothing was changed.';
  return isWritten ? `Wrote ${missing.join(' and ')}.` : 'Nothing was written (--dry-run).';
}

function viewOf({ machine, modelsDir, files, next }: Plan, isWritten: boolean): CommandResult['json'] {
  const { memory, engines, devices, served, found, stores } = machine;
  return {
    models_dir: modelsDir,
    memory: { total_bytes: memory.totalBytes, budget_bytes: memory.budgetBytes },
    devices: devices.map(({ name, description }) => ({ name, ...(description === undefined ? {} : { description }) })),
    engines: engines.map(({ name, availability }) => ({ name, available: availability.available })),
    models: served,
    found: found.map(({ name, path, bytes }) => ({ name, path, bytes })),
    ollama: stores,
    files: files.map(({ path, text }) => ({
      path,
      state: text === undefined ? 'exists' : isWritten ? 'written' : 'planned',
      ...(text === undefined ? {} : { text }),
    })),
    next,
  };
}
