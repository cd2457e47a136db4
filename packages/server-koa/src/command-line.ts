// What lamina-server takes on its command line.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The options as they were given; what is missing was not given. */
export interface CommandLine {
  readonly manifest?: string;
  readonly modelsDir?: string;
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly maxLoaded?: number;
  readonly idleTimeout?: number;
  readonly logLevel?: 'silent' | 'error' | 'warn' | 'info' | 'debug';
  readonly apiKeyFile?: string;
  readonly dataDir?: string;
  readonly allowUnauthenticated?: boolean;
}

/**
 * Reads the arguments; the answer is an exit code when there is nothing left to do: 0 after `--help`, 2 after a
 * mistake, both already told.
 */
export function readCommandLine(args: readonly string[]): CommandLine | number {
  try {
    return program().parse(args, { from: 'user' }).opts<CommandLine>();
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function program(): Command {
  return new Command('lamina-server')
    .description('Serves language models that run on this machine, with the API that OpenAI clients speak.')
    .option('--manifest <file>', 'the models.yaml (default: models.yaml in the models directory)')
    .option('--models-dir <directory>', 'where relative model paths begin (default: models)')
    .option(
      '--config <module>',
      'a JavaScript module whose default export is defineConfig({ plugins, … }); without it, the installed plugins of Lamina are used',
    )
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'the port; 0 takes a free one (default: 11500)', wholeNumber(0, 65_535))
    .option('--max-loaded <number>', 'models that may be loaded at once (default: 1)', wholeNumber(1))
    .option('--idle-timeout <seconds>', 'an idle model is unloaded after this; 0: never (default: 300)', wholeNumber(0))
    .addOption(
      new Option('--log-level <level>', 'what is logged on standard error (default: info)').choices([
        'silent',
        'error',
        'warn',
        'info',
        'debug',
      ]),
    )
    .option(
      '--api-key-file <file>',
      'keys that clients must send: one a line, with "inference" or "manage" after it to limit what it allows',
    )
    .option('--data-dir <directory>', 'where Lamina keeps its own state (default: .lamina in the models directory)')
    .option('--allow-unauthenticated', 'listen beyond this machine without a key')
    .exitOverride();
}

function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number, at least ${least}.`
        : `It must be a whole number from ${least} to ${most}.`,
    );
  };
}
