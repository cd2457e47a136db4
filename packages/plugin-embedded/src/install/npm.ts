// npm, as it came with the Node that runs Lamina: it brings the user's own registry, proxy and certificates, and checks
// what it fetches.
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { engineEnvironment, isShortage, runTask, type StartContext, type TaskResult } from '@lamina/core/plugin';

/** Where Node's own distributions, and Debian, put it, seen from the directory of the `node` program. */
const beside = [
  '../lib/node_modules/npm/bin/npm-cli.js',
  'node_modules/npm/bin/npm-cli.js',
  '../share/nodejs/npm/bin/npm-cli.js',
];

/** Fewer and shorter pauses than npm makes by itself: a machine without a network is to be told within seconds. */
const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=5000'];
const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--no-progress', '--loglevel=http'];

/** What an npm that runs Lamina (`npm start -w …`) says to its children of itself. */
const ofAnotherRun = ['npm_config_workspace*', 'npm_config_local_prefix', 'npm_package_*', 'npm_lifecycle_*'];

/** What an installation may use of a start. */
export type InstallContext = Pick<StartContext, 'signal' | 'env' | 'output' | 'guard'>;

/**
 * Installs what the lock file in a directory names; no script of any package is run. `onFetched` hears of what was
 * fetched, twice a package: what the registry says of it, then the package.
 * @throws the signal's reason, or Error when there is no npm
 */
export async function npmCi(directory: string, context: InstallContext, onFetched: () => void): Promise<TaskResult> {
  const { signal, env, output, guard } = context;
  const [executable, ...before] = await findNpm();
  const task = runTask({
    executable,
    args: [...before, 'ci', '--prefix', directory, '--ignore-scripts', '--omit=optional', ...patience, ...quiet],
    env: engineEnvironment(env, ofAnotherRun),
    cwd: directory,
    signal,
    guard,
    onLine: (stream, text) => {
      if (/^npm http (?:fetch GET 200|cache) /.test(text)) onFetched();
      else if (!text.startsWith('npm http')) output(stream, text);
    },
  });
  return task.catch((error: unknown) => {
    signal.throwIfAborted();
    if (isShortage(error)) throw error;
    throw new Error('there is no npm beside this Node, nor in PATH', { cause: error });
  });
}

/** Run by this Node where it lies beside it, so that PATH does not matter; else the one in PATH. */
async function findNpm(): Promise<[string, ...string[]]> {
  for (const place of beside) {
    const path = join(dirname(process.execPath), place);
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return [process.execPath, path];
  }
  return ['npm'];
}
