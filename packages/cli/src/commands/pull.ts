// lamina pull: fetches a model and shows how far it is.
import type { Command } from 'commander';
import type { DownloadRequest } from '@lamina/core';
import { LaminaError, type DownloadView } from '@lamina/core/protocol';
import type { Library } from '../library.js';
import type { Answer } from '../printer.js';
import type { Session } from '../session.js';
import { watch } from './watch.js';

interface Options {
  readonly source?: string;
  readonly name?: string;
}

/** Adds the command. */
export function pullCommand(program: Command, session: Session): void {
  program
    .command('pull')
    .alias('download')
    .argument('<model|reference>', 'a model of the manifest, or what a source knows: a link, org/name:quant, a path')
    .option('--source <name>', 'ask only this source')
    .option('--name <name>', 'what the model shall be called')
    .description('fetch a model; interrupted, the same command goes on')
    .action((wanted: string, options: Options, command: Command) =>
      session.run(
        command.optsWithGlobals(),
        async (tools) => {
          const known = await find(tools.library, wanted, options.name);
          if (known?.available === true) return presence(known);
          const download = await begin(tools.library, requestFor(wanted, options, known !== undefined));
          return 'available' in download ? presence(download) : watch(download, tools);
        },
        { owner: true },
      ),
    );
}

interface Known {
  readonly name: string;
  readonly available: boolean;
  readonly bytes: number;
}

/** The model of that name or alias; else the one that was fetched by that very reference, and is called as wished. */
async function find(library: Library, wanted: string, name: string | undefined): Promise<Known | undefined> {
  const model =
    name !== undefined
      ? undefined
      : await library.model(wanted).catch((error: unknown) => {
          if (LaminaError.is(error, 'MODEL_NOT_FOUND')) return undefined;
          throw error;
        });
  if (model !== undefined) return { name: wanted, available: model.available, bytes: model.bytes };
  const { models } = await library.models();
  const fetched = Object.entries(models).find(
    ([its, { available, download }]) =>
      available && (name ?? its) === its && Object.values(download ?? {}).includes(wanted),
  );
  return fetched === undefined ? undefined : { name: fetched[0], ...fetched[1] };
}

/** Begins the download; a source may find only now that it is the reference of a model that is here. */
async function begin(library: Library, request: DownloadRequest): Promise<DownloadView | Known> {
  try {
    return await library.download(request);
  } catch (error) {
    if (!LaminaError.is(error, 'CONFLICT') || error.details['same'] !== true) throw error;
    const name = error.details['model'] as string;
    return { name, ...(await library.model(name)) };
  }
}

/** What of a download there is to tell when there was none. */
function presence({ name, bytes }: Known): Answer {
  return { json: { model: name, state: 'finished', done: bytes, total: bytes }, text: `${name} is here already.` };
}

function requestFor(wanted: string, { source, name }: Options, isModel: boolean): DownloadRequest {
  const from = source === undefined ? {} : { source };
  return isModel ? { model: wanted, ...from } : { reference: wanted, ...from, ...(name === undefined ? {} : { name }) };
}
