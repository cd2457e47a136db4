// Installs node-llama-cpp on first use: completely or not at all, and once for any number of starts.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { abortable, isShortage, LaminaError, type Logger, type StartContext } from '@lamina/core/plugin';
import type { Build } from '../platform.js';
import { npmCi, type InstallContext } from './npm.js';
import { installedVersion, lockedVersion, lockFile, writePackages } from './packages.js';
import { installProblem } from './problems.js';

/** What to install, and where. */
export interface InstallRequest {
  /** Absolute. */
  readonly directory: string;
  readonly build: Build;
  /** The model that needs it, for errors. */
  readonly model: string;
}

type OnProgress = StartContext['progress'];

interface Installation {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  readonly listeners: Set<OnProgress>;
  /** The last progress, for those who join later. */
  latest?: Parameters<OnProgress>[0];
}

/** The installations of one Lamina. */
export class Installer {
  private readonly running = new Map<string, Installation>();

  /** `lock` is the lock file to install from. */
  constructor(private readonly lock = lockFile) {}

  /**
   * Resolves when it is installed. Concurrent calls for the same directory share one installation, which continues
   * while one of them waits.
   * @throws LaminaError `BACKEND_UNAVAILABLE` with what to do; the signal's reason, for the last waiting call only after
   * npm has ended
   */
  async ensure(request: InstallRequest, context: StartContext): Promise<void> {
    const { signal } = context;
    signal.throwIfAborted();
    if ((await installedVersion(request.directory, request.build)) !== undefined) return;
    const installation = this.running.get(request.directory) ?? this.begin(request, context);
    const { progress } = context;
    const listener: OnProgress = (update) => progress(update);
    installation.listeners.add(listener);
    if (installation.latest !== undefined) progress(installation.latest);
    try {
      await abortable(installation.done, signal);
    } catch (error) {
      installation.listeners.delete(listener);
      if (installation.listeners.size === 0) await this.cancel(request.directory, installation, error);
      throw error;
    }
  }

  /** Removed at once, so that the next call starts a new installation. */
  private async cancel(directory: string, installation: Installation, reason: unknown): Promise<void> {
    this.remove(directory, installation);
    installation.stop.abort(reason);
    await installation.done.catch(() => undefined);
  }

  private begin(request: InstallRequest, { env, output, guard, log }: StartContext): Installation {
    const stop = new AbortController();
    const listeners = new Set<OnProgress>();
    const logProgress = progressLog(log);
    const onProgress: OnProgress = (update) => {
      installation.latest = update;
      logProgress(update);
      listeners.forEach((listener) => listener(update));
    };
    const part = `${request.directory}.part-${process.pid}-${randomUUID()}`;
    const context = { env, output, guard, signal: stop.signal };
    const done = logged(install(request, { part, lock: this.lock }, context, onProgress), request, log).finally(() =>
      this.remove(request.directory, installation),
    );
    const installation: Installation = { done, stop, listeners };
    this.running.set(request.directory, installation);
    return installation;
  }

  private remove(directory: string, installation: Installation): void {
    if (this.running.get(directory) === installation) this.running.delete(directory);
  }
}

/** Logs every tenth of an installation. */
function progressLog(log: Logger): OnProgress {
  let tenths = -1;
  return ({ stage, ratio = 0 }) => {
    const now = Math.floor(ratio * 10);
    if (now <= tenths) return;
    tenths = now;
    log.info({ event: 'engine.installing', percent: now * 10 }, `The embedded engine: ${stage}, ${now * 10} %`);
  };
}

/** Logs success; a failure is logged as the failure of the start. */
async function logged(done: Promise<void>, { directory }: InstallRequest, log: Logger): Promise<void> {
  const startedAt = performance.now();
  await done;
  const ms = Math.round(performance.now() - startedAt);
  const message = `Installed the embedded engine in ${(ms / 1000).toFixed(1)} s at ${directory}`;
  log.info({ event: 'engine.installed', directory, ms }, message);
}

async function install(
  { directory, build, model }: InstallRequest,
  { part, lock }: { part: string; lock: URL },
  context: InstallContext,
  onProgress: OnProgress,
): Promise<void> {
  const version = await lockedVersion(lock);
  const stage = `installing node-llama-cpp ${version}`;
  try {
    await clearLeftovers(directory);
    const total = 2 * (await writePackages(part, build, lock));
    let fetched = 0;
    onProgress({ stage, ratio: 0 });
    const result = await npmCi(part, context, () => onProgress({ stage, ratio: Math.min(1, ++fetched / total) }));
    if (result.code !== 0) throw new Error(installProblem(result));
    await putInPlace(part, directory, build);
  } catch (error) {
    context.signal.throwIfAborted();
    if (isShortage(error)) throw error; // It says nothing about npm or the registry, and it passes.
    const packages = ['node-llama-cpp', ...build.packages].map((name) => `${name}@${version}`).join(' ');
    throw new LaminaError('BACKEND_UNAVAILABLE', {
      model,
      reason: `node-llama-cpp could not be installed: ${(error as Error).message}`,
      hint: `Fix that and try again; or install it by hand with "npm install --prefix ${directory} --ignore-scripts --omit=optional ${packages}", here or on another machine from which you copy it; or install llama.cpp instead.`,
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** Renames the finished directory into place. If another Lamina was faster, its directory is used. */
async function putInPlace(part: string, directory: string, build: Build): Promise<void> {
  try {
    await rename(part, directory);
  } catch (error) {
    if ((await installedVersion(directory, build)) !== undefined) return;
    throw new Error(`${directory} contains something else; empty it`, { cause: error });
  }
}

/** Removes what a killed Lamina left behind. */
async function clearLeftovers(directory: string): Promise<void> {
  const home = dirname(directory);
  const prefix = `${basename(directory)}.part-`;
  await mkdir(home, { recursive: true });
  const names = (await readdir(home)).filter(
    (name) => name.startsWith(prefix) && !isAlive(Number.parseInt(name.slice(prefix.length))),
  );
  await Promise.all(names.map((name) => rm(join(home, name), { recursive: true, force: true })));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
