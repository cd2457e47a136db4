// Runs the npm of the Node that runs Lamina: it uses the user's registry, proxy and certificates, and verifies packages.
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { engineEnvironment, isShortage, runTask, type InstallContext, type TaskResult } from '@lamina/core/plugin';

/** Its path in Node's distributions and in Debian, relative to the directory of `node`. */
const beside = [
  '../lib/node_modules/npm/bin/npm-cli.js',
  'node_modules/npm/bin/npm-cli.js',
  '../share/nodejs/npm/bin/npm-cli.js',
];

/** Fewer and shorter retries than npm's defaults, so that a missing network is reported within seconds. */
const retries = ['--fetch-retries=2', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=5000'];
const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--no-progress', '--loglevel=http'];

/** Variables that an npm that runs Lamina (`npm start -w …`) sets for its children. */
const outerNpmVariables = ['npm_config_workspace*', 'npm_config_local_prefix', 'npm_package_*', 'npm_lifecycle_*'];

/**
 * Installs what the lock file in a directory names, without running scripts of packages. `onFetched` is called twice per
 * package: for its metadata, then for the package.
 * @throws the signal's reason, or Error when there is no npm
 */
export async function npmCi(
  directory: string,
  context: Omit<InstallContext, 'progress' | 'log'>,
  onFetched: () => void,
): Promise<TaskResult> {
  const { signal, env, output, guard } = context;
  const [executable, ...before] = await findNpm();
  const task = runTask({
    executable,
    args: [...before, 'ci', '--prefix', directory, '--ignore-scripts', '--omit=optional', ...retries, ...quiet],
    env: engineEnvironment(env, outerNpmVariables),
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

/** The npm beside this Node, so that PATH does not matter; else the one in PATH. */
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
