// Installs engines that their backends can install: before the first start, or on request, once for all who wait for it.
import type { Backend, InstallContext } from '../contract/backends.js';
import type { Config } from '../contract/config.js';
import type { Clock, Logger } from '../contract/context.js';
import type { OrphanReaper } from '../contract/processes.js';
import { abortable } from '../kernel/abort.js';
import type { EventBus } from '../kernel/event-bus.js';
import type { BackendInstance } from './backend-instance.js';

type OnProgress = InstallContext['progress'];

interface RunningInstallation {
  /** Whether anything had to be installed. */
  readonly done: Promise<boolean>;
  readonly stop: AbortController;
  readonly listeners: Set<OnProgress>;
  /** The last progress, for those who join later. */
  latest?: Parameters<OnProgress>[0];
}

/** The installations of one Lamina. */
export class Installations {
  private readonly running = new Map<Backend, RunningInstallation>();

  constructor(
    private readonly config: Config,
    private readonly processes: OrphanReaper,
    private readonly events: EventBus,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  /**
   * Resolves when the engine is installed, with whether it was not before. Concurrent calls share one installation, which
   * continues while one of them waits.
   * @throws LaminaError `BACKEND_INSTALL_FAILED`; the signal's reason, for the last waiting call only after everything
   * that was started has ended
   */
  async ensure(instance: BackendInstance, signal: AbortSignal, onProgress: OnProgress): Promise<boolean> {
    const { backend } = instance;
    if (backend.install === undefined) return false;
    signal.throwIfAborted();
    const installation = this.running.get(backend) ?? this.begin(instance);
    const listener: OnProgress = (update) => onProgress(update);
    installation.listeners.add(listener);
    if (installation.latest !== undefined) onProgress(installation.latest);
    try {
      return await abortable(installation.done, signal);
    } catch (error) {
      installation.listeners.delete(listener);
      if (installation.listeners.size === 0) await this.cancel(backend, installation, error);
      throw error;
    }
  }

  /** Removed at once, so that the next call starts a new installation. */
  private async cancel(backend: Backend, installation: RunningInstallation, reason: unknown): Promise<void> {
    this.remove(backend, installation);
    installation.stop.abort(reason);
    await installation.done.catch(() => undefined);
  }

  private begin({ name, backend }: BackendInstance): RunningInstallation {
    const stop = new AbortController();
    const listeners = new Set<OnProgress>();
    const log = this.log.child({ backend: name });
    const logTenth = tenthsLog(name, log);
    const progress: OnProgress = (update) => {
      installation.latest = update;
      logTenth(update);
      this.events.emit('backend.progress', { backend: name, ...update });
      listeners.forEach((listener) => listener(update));
    };
    const context: InstallContext = {
      signal: stop.signal,
      log,
      env: this.config.env,
      progress,
      output: (_, text) => log.debug({ text }, 'Output of the installation'),
      guard: (pid) => this.processes.guard(pid, { model: name }),
    };
    // In the next turn, so that the listener of this call gets the first progress too.
    const done = Promise.resolve()
      .then(() => this.run(name, backend, context))
      .finally(() => this.remove(backend, installation));
    const installation: RunningInstallation = { done, stop, listeners };
    this.running.set(backend, installation);
    return installation;
  }

  private async run(name: string, backend: Backend, context: InstallContext): Promise<boolean> {
    const startedAt = this.clock.now();
    const installed = await backend.install!(context);
    if (installed) this.events.emit('backend.installed', { backend: name, ms: this.clock.now() - startedAt });
    return installed;
  }

  private remove(backend: Backend, installation: RunningInstallation): void {
    if (this.running.get(backend) === installation) this.running.delete(backend);
  }
}

/** Logs every tenth of an installation. */
function tenthsLog(name: string, log: Logger): OnProgress {
  let tenths = -1;
  return ({ stage, ratio = 0 }) => {
    const now = Math.floor(ratio * 10);
    if (now <= tenths) return;
    tenths = now;
    log.info({ event: 'backend.progress', percent: now * 10 }, `Backend ${name}: ${stage}, ${now * 10} %`);
  };
}
