// The entry point of @lamina/cli: the command as a function, and its help text.
export { runCommand } from './run.js';
export type { CliIo } from './cli-io.js';
export type { CommandArgument, CommandExtension, CommandInvocation, CommandOption } from './command-extension.js';
export type { CommandResult } from './printer.js';
export { helpTexts } from './program.js';
