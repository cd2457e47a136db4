// The entry point of @lamina/cli: the command as a function, and its help text.
export { runCommand } from './run.js';
export type { CliIo } from './cli-io.js';
export { helpText } from './program.js';
