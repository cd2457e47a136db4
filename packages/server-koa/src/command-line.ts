// The command line of lamina-server.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The given options; the others are missing. */
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
  readonly allowedHosts?: readonly string[];
  readonly cors?: readonly string[];
  /** As written, such as `64MB`. */
  readonly bodyLimit?: string;
  readonly downloadAllowHosts?: readonly string[];
}

/** Parses the arguments. Returns an exit code after `--help` (0) or wrong usage (2); the message is already printed. */
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
    .description('Serve language models on this machine with an OpenAI-compatible API.')
    .option('--manifest <file>', 'Manifest file (default: models.yaml in the models directory)')
    .option('--models-dir <directory>', 'Directory of the models (default: models)')
    .option(
      '--config <module>',
      'JavaScript module whose default export is defineConfig({ plugins, … }) (default: the installed plugins)',
    )
    .option('--host <address>', 'Address to listen on (default: 127.0.0.1)')
    .option('--port <number>', 'Port to listen on; 0 selects a free one (default: 11500)', wholeNumber(0, 65_535))
    .option('--max-loaded <number>', 'Maximum number of loaded models (default: 1)', wholeNumber(1))
    .option(
      '--idle-timeout <seconds>',
      'Unload a model after this time without requests; 0 disables it (default: 300)',
      wholeNumber(0),
    )
    .addOption(
      new Option('--log-level <level>', 'Minimum level of log messages on standard error (default: info)').choices([
        'silent',
        'error',
        'warn',
        'info',
        'debug',
      ]),
    )
    .option(
      '--api-key-file <file>',
      'File with the API keys that clients must send, one per line; "inference" or "manage" after a key limits its use, "name=<name>" names it',
    )
    .option(
      '--data-dir <directory>',
      "Directory for the state of Lamina (default: .lamina in the models directory, or in the user's data directory)",
    )
    .option('--allow-unauthenticated', 'Accept connections from other machines without an API key')
    .option(
      '--allowed-hosts <names>',
      'Host names that clients may use for this server without an API key, besides localhost and IP addresses',
      list,
    )
    .option(
      '--cors <origins>',
      'Origins of web pages that may call this server: https://app.example, https://*.example.com, or * for all (default: pages on localhost, for GET and inference)',
      list,
    )
    .option('--body-limit <size>', 'Maximum size of the body of an inference request, such as 64MB (default: 32MiB)')
    .option(
      '--download-allow-hosts <names>',
      'Hosts with private addresses that downloads of clients may use, as name or name:port',
      list,
    )
    .helpOption('-h, --help', 'Show help')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: (.)/, asSentence)) })
    .exitOverride();
}

/** Errors begin like those of `lamina`: with the name of the program and a capital letter. */
function asSentence(_: string, first: string): string {
  return `lamina-server: ${first.toUpperCase()}`;
}

/** A list with commas; the option may be repeated. */
function list(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...text.split(',').map((item) => item.trim())];
}

function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `Expected a whole number of at least ${least}.`
        : `Expected a whole number from ${least} to ${most}.`,
    );
  };
}
