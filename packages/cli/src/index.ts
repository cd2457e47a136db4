// The door of @lamina/cli: the command as a function, and what it says of itself.
export { runCommand } from './run.js';
export type { World } from './world.js';
export { helpText } from './program.js';
