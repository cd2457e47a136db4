// lamina pull: downloads a model and shows the progress.
import type { Command } from 'commander';
import type { DownloadRequest } from '@lamina/core';
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import type { Library } from '../library.js';
import { oneByOne } from '../one-by-one.js';
import type { CommandResult } from '../printer.js';
import type { CommandContext } from '../command-context.js';
import type { Session } from '../session.js';
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
      .argument(
        '<model|reference...>',
        'Models of the manifest, or references: org/name:quantization, a URL, or a path',
      )
      .option('--source <name>', 'Use only this source')
      .option('--name <name>', 'Name of the new model')
      .description('Download models; run it again to resume')
      .action((wanted: readonly string[], options: PullOptions, command: Command) => {
        if (wanted.length > 1 && options.name !== undefined)
          command.error('--name cannot be combined with several models. Pull them one by one.');
        return session.run(
          command.optsWithGlobals(),
          (context) => oneByOne(wanted, (one) => pull(one, options, context), context),
          {
            owner: true,
            meanwhile: (context) => followOwner(wanted, options, context),
          },
        );
      });
  addExample(add('pull', false), 'lamina pull bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M --name llama3.2-3b');
  add('download', true);
}

/**
 * Shows the progress of a wanted model that the owner of the data directory downloads, to its end. The result is that all
 * wanted models are there; true: the owner has downloaded one of them.
 */
async function followOwner(
  wanted: readonly string[],
  { name }: PullOptions,
  context: CommandContext,
): Promise<CommandResult | boolean> {
  const { library, printer } = context;
  const models = await Promise.all(wanted.map((one) => findModel(library, one, name)));
  const present = models.filter((model) => model?.available === true);
  if (present.length === wanted.length) {
    const results = present.map((model) => alreadyDownloaded(model!));
    for (const result of results.slice(0, -1)) printer.result(result);
    return results.at(-1)!;
  }
  const { downloads } = await library.downloads();
  const names = wanted.map((one, index) => name ?? models[index]?.name ?? one);
  const running = downloads.find(
    ({ model, reference, state }) =>
      (state === 'queued' || state === 'active') &&
      (names.includes(model) || (typeof reference === 'string' && wanted.includes(reference))),
  );
  if (running === undefined) return false;
  const { showProgress } = await import('./watch-download.js');
  await showProgress(running, context);
  return true;
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
