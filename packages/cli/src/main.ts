// The lamina command: the process around it. The first signal asks it to end in order, the second ends it at once.
import { exitCodeOf } from './exit-code.js';
import { runCommand } from './run.js';

const stop = new AbortController();
const hear = (signal: NodeJS.Signals): void => {
  if (stop.signal.aborted) process.exit(exitCodeOf(signal));
  stop.abort(signal);
};
process.on('SIGINT', hear).on('SIGTERM', hear);
// Whoever reads the output may have seen enough, as `head` does.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const code = await runCommand(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
});
await new Promise((written) => process.stdout.write('', written));
// Everything of Lamina is closed by now; what a plugin may have left behind must not keep the process.
process.exit(code);
