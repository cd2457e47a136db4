// What the work of a command uses.
import type { CliIo } from './cli-io.js';
import type { Library } from './library.js';
import type { Printer } from './printer.js';

/** What the work of a command uses. */
export interface CommandContext {
  readonly library: Library;
  readonly io: CliIo;
  readonly printer: Printer;
}
