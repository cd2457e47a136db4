// lamina import: adds the models of another program to the manifest, with their files where they are.
import type { Command } from 'commander';
import { refuseServer } from '../contributed-commands.js';
import type { Imported } from '../import/imported.js';
import type { ImportWork } from '../import/work.js';
import type { GlobalOptions } from '../global-options.js';
import type { Session } from '../session.js';
import { addExample } from './example.js';

interface ImportOptions extends GlobalOptions {
  readonly store?: string;
  readonly dryRun?: boolean;
}

/** Reads what the other program has. */
type Read = (work: ImportWork, options: ImportOptions) => Promise<Imported>;

const dryRun = ['--dry-run', 'Show what would be added, and change nothing'] as const;

/** Adds the command. */
export function importCommand(program: Command, session: Session): void {
  const command = program
    .command('import')
    .summary('Add models of Ollama or llama-swap')
    .description('Add the models of Ollama or llama-swap to the manifest');
  const ollama = command
    .command('ollama')
    .description('Add the models in an Ollama store')
    .option('--store <directory>', "The store (default: OLLAMA_MODELS, or Ollama's usual directories)")
    .option(...dryRun)
    .action((_: unknown, self: Command) =>
      run(self, async (work, { store }) => work.readContributed('ollama', '@lamina/plugin-ollama-source', store)),
    );
  const llamaSwap = command
    .command('llama-swap')
    .argument('<file>', 'Its configuration file')
    .description('Add the models, commands and groups of a configuration of llama-swap')
    .option(...dryRun)
    .action((file: string, _: unknown, self: Command) => run(self, (work) => work.readLlamaSwapFile(file)));
  addExample(command, 'lamina import ollama --dry-run');
  addExample(ollama, 'lamina import ollama --dry-run');
  addExample(llamaSwap, 'lamina import llama-swap ~/llama-swap/config.yaml --dry-run');

  async function run(self: Command, read: Read): Promise<void> {
    const options = self.optsWithGlobals<ImportOptions>();
    refuseServer(command, options);
    // Loaded only now: help needs none of it.
    const { ImportWork } = await import('../import/work.js');
    const opened = await session.open(options, 'attached');
    try {
      const work = new ImportWork(opened, session.io);
      const imported = await read(work, options);
      session.print(await work.finish(imported, options.dryRun === true, session.printer.style));
    } finally {
      await opened.lamina.close({ signal: session.io.signal });
    }
  }
}
