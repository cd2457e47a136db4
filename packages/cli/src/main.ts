// The process of the lamina command. The first signal stops the command in an orderly way, the second at once.
import { isatty } from 'node:tty';
import { exitCodeOf } from './exit-code.js';
import { runCommand } from './run.js';

const stop = new AbortController();
const exit = (signal: NodeJS.Signals): void => process.exit(exitCodeOf(signal));
let force = exit;
const onSignal = (signal: NodeJS.Signals): void => (stop.signal.aborted ? force(signal) : stop.abort(signal));
process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
// The reader of a pipe may close it early, as `head` does.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

const code = await runCommand(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  path: process.argv[1],
  onForce(run) {
    force = () => {
      force = exit;
      run();
    };
  },
  // A terminal that is closed sends SIGHUP as well, and that ends the process, as without a listener.
  onReload: (run) => void (isatty(0) || process.on('SIGHUP', run)),
});
await new Promise((written) => process.stdout.write('', written));
// Lamina is closed now. Exit even if a plugin left something open.
process.exit(code);
