// lamina pull: downloads a model and shows the progress.
import type { Command } from 'commander';
import type { DownloadRequest } from '@lamina/core';
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import type { Library } from '../library.js';
import type { CommandResult } from '../printer.js';
import type { CommandContext, Session } from '../session.js';
import { addExample } from './example.js';

interface PullOptions {
  readonly source?: string;
  readonly name?: string;
}

/** Adds the command, and `download`, its name in the Python original. */
export function pullCommand(program: Command, session: Session): void {
  const add = (name: string, hidden: boolean) =>
    program
      .command(name, { hidden })
      .argument('<model|reference>', 'Model of the manifest, or a reference: org/name:quantization, a URL, or a path')
      .option('--source <name>', 'Use only this source')
      .option('--name <name>', 'Name of the new model')
      .description('Download and verify a model and add it to the manifest; run again to resume')
      .action((wanted: string, options: PullOptions, command: Command) =>
        session.run(command.optsWithGlobals(), (context) => pull(wanted, options, context), { owner: true }),
      );
  addExample(add('pull', false), 'lamina pull bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M --name llama3.2-3b');
  add('download', true);
}

async function pull(wanted: string, options: PullOptions, context: CommandContext): Promise<CommandResult> {
  const { library } = context;
  const model = await findModel(library, wanted, options.name);
  if (model?.available === true) return alreadyDownloaded(model);
  const started = await startDownload(library, requestFor(wanted, options, model !== undefined));
  if ('available' in started) return alreadyDownloaded(started);
  const { watchDownload } = await import('./watch-download.js');
  return watchDownload(started, context);
}

interface FoundModel {
  readonly name: string;
  readonly available: boolean;
  readonly bytes: number;
}

/** The model of this name or alias, or the one that was downloaded from this reference under the wanted name. */
async function findModel(
  library: Library,
  wanted: string,
  newName: string | undefined,
): Promise<FoundModel | undefined> {
  const model =
    newName !== undefined
      ? undefined
      : await library.model(wanted).catch((error: unknown) => {
          if (LaminaError.is(error, 'MODEL_NOT_FOUND')) return undefined;
          throw error;
        });
  if (model !== undefined) return { name: wanted, available: model.available, bytes: model.bytes };
  const { models } = await library.models();
  const downloaded = Object.entries(models).find(
    ([name, { available, download }]) =>
      available && (newName ?? name) === name && Object.values(download ?? {}).includes(wanted),
  );
  return downloaded === undefined ? undefined : { name: downloaded[0], ...downloaded[1] };
}

/** Starts the download. A source may find out only now that the reference belongs to a model on disk: then that model. */
async function startDownload(library: Library, request: DownloadRequest): Promise<DownloadView | FoundModel> {
  try {
    return await library.download(request);
  } catch (error) {
    if (!LaminaError.is(error, 'CONFLICT') || error.details['same'] !== true) throw error;
    const name = error.details['model'] as string;
    return { name, ...(await library.model(name)) };
  }
}

function alreadyDownloaded({ name, bytes }: FoundModel): CommandResult {
  return {
    json: { model: name, state: 'finished', done: bytes, total: bytes },
    text: `${name} is already downloaded.`,
  };
}

function requestFor(wanted: string, { source, name }: PullOptions, isModel: boolean): DownloadRequest {
  const from = source === undefined ? {} : { source };
  return isModel ? { model: wanted, ...from } : { reference: wanted, ...from, ...(name === undefined ? {} : { name }) };
}
