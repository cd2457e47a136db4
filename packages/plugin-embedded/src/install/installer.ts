// Puts node-llama-cpp onto this machine at its first use: whole or not at all, once however many starts want it.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isShortage, LaminaError, type Logger, type StartContext } from '@lamina/core/plugin';
import type { Build } from '../platform.js';
import { npmCi, type InstallContext } from './npm.js';
import { installedVersion, lockedVersion, lockFile, writePackages } from './packages.js';
import { installProblem } from './problems.js';

/** What is wanted, and where. */
export interface Wanted {
  /** Absolute. */
  readonly directory: string;
  readonly build: Build;
  /** Which model wants it, for errors. */
  readonly model: string;
}

type OnProgress = StartContext['progress'];

interface Running {
  readonly done: Promise<void>;
  readonly stop: AbortController;
  readonly listeners: Set<OnProgress>;
  /** What those who come later are told first. */
  latest?: Parameters<OnProgress>[0];
}

/** The installations of one Lamina. */
export class Installer {
  private readonly running = new Map<string, Running>();

  /** `lock` is the lock file of what is installed. */
  constructor(private readonly lock = lockFile) {}

  /**
   * Resolves when it is there. Those who want the same at once share one installation, which goes on while anybody
   * waits for it.
   * @throws LaminaError `BACKEND_UNAVAILABLE` with what to do; the signal's reason, when this was the last who waited
   * only after npm is gone
   */
  async ensure(wanted: Wanted, context: StartContext): Promise<void> {
    const { signal } = context;
    signal.throwIfAborted();
    if ((await installedVersion(wanted.directory, wanted.build)) !== undefined) return;
    const running = this.running.get(wanted.directory) ?? this.begin(wanted, context);
    const { progress } = context;
    const listener: OnProgress = (update) => progress(update);
    running.listeners.add(listener);
    if (running.latest !== undefined) progress(running.latest);
    try {
      await untilAborted(running.done, signal);
    } catch (error) {
      running.listeners.delete(listener);
      if (running.listeners.size === 0) await this.giveUp(wanted.directory, running, error);
      throw error;
    }
  }

  /** Forgotten at once: who comes now begins anew. */
  private async giveUp(directory: string, running: Running, reason: unknown): Promise<void> {
    this.forget(directory, running);
    running.stop.abort(reason);
    await running.done.catch(() => undefined);
  }

  private begin(wanted: Wanted, { env, output, guard, log }: StartContext): Running {
    const stop = new AbortController();
    const listeners = new Set<OnProgress>();
    const logProgress = progressLog(log);
    const tell: OnProgress = (update) => {
      running.latest = update;
      logProgress(update);
      listeners.forEach((listen) => listen(update));
    };
    const part = `${wanted.directory}.part-${process.pid}-${randomUUID()}`;
    const context = { env, output, guard, signal: stop.signal };
    const done = logged(install(wanted, { part, lock: this.lock }, context, tell), wanted, log).finally(() =>
      this.forget(wanted.directory, running),
    );
    const running: Running = { done, stop, listeners };
    this.running.set(wanted.directory, running);
    return running;
  }

  private forget(directory: string, running: Running): void {
    if (this.running.get(directory) === running) this.running.delete(directory);
  }
}

/** A line for each tenth of an installation. */
function progressLog(log: Logger): OnProgress {
  let tenths = -1;
  return ({ stage, ratio = 0 }) => {
    const now = Math.floor(ratio * 10);
    if (now <= tenths) return;
    tenths = now;
    log.info({ event: 'engine.installing', percent: now * 10 }, `The embedded engine: ${stage}, ${now * 10} %`);
  };
}

/** A failure is the failure of the start that wanted it, and is logged as that. */
async function logged(done: Promise<void>, { directory }: Wanted, log: Logger): Promise<void> {
  const startedAt = performance.now();
  await done;
  const ms = Math.round(performance.now() - startedAt);
  const message = `Installed the embedded engine in ${(ms / 1000).toFixed(1)} s at ${directory}`;
  log.info({ event: 'engine.installed', directory, ms }, message);
}

async function install(
  { directory, build, model }: Wanted,
  { part, lock }: { part: string; lock: URL },
  context: InstallContext,
  tell: OnProgress,
): Promise<void> {
  const version = await lockedVersion(lock);
  const stage = `installing node-llama-cpp ${version}`;
  try {
    await clearLeftovers(directory);
    const total = 2 * (await writePackages(part, build, lock));
    let fetched = 0;
    tell({ stage, ratio: 0 });
    const result = await npmCi(part, context, () => tell({ stage, ratio: Math.min(1, ++fetched / total) }));
    if (result.code !== 0) throw new Error(installProblem(result));
    await putInPlace(part, directory, build);
  } catch (error) {
    context.signal.throwIfAborted();
    if (isShortage(error)) throw error; // It says nothing about npm or the registry, and passes.
    const packages = ['node-llama-cpp', ...build.packages].map((name) => `${name}@${version}`).join(' ');
    throw new LaminaError('BACKEND_UNAVAILABLE', {
      model,
      reason: `node-llama-cpp could not be installed: ${(error as Error).message}`,
      hint: `Try again when that is mended; or install it by hand, "npm install --prefix ${directory} --ignore-scripts --omit=optional ${packages}", there or on another machine and copied from it; or install llama.cpp instead.`,
    });
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}

/** The directory appears as a whole. When another Lamina was faster, its is taken. */
async function putInPlace(part: string, directory: string, build: Build): Promise<void> {
  try {
    await rename(part, directory);
  } catch (error) {
    if ((await installedVersion(directory, build)) !== undefined) return;
    throw new Error(`${directory} holds something else; empty it`, { cause: error });
  }
}

/** What a Lamina that was killed has left. */
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

async function untilAborted(done: Promise<void>, signal: AbortSignal): Promise<void> {
  let leave = () => {};
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
  });
  try {
    await Promise.race([done, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}
