// One run of a kit: its cases share a server where they can, and none starts an engine that cannot start.
import type { BackendKit } from './kit.js';
import { Stage, StartError } from './stage.js';

/** How long the shared server waits for another case, for runners that run only some of them. */
const idleMs = 1_000;

/** What a case needs: no server; a running one, which it leaves as it is or stops; a server that it starts itself. */
export type Need = 'nothing' | 'running server' | 'server to stop' | 'own server';

/** The state that the cases of a kit share. */
export class KitRun {
  /** The run whose server is running: what closes it kills all processes that were started since its start. */
  static #active: KitRun | undefined;
  #shared: Stage | undefined;
  #ending = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #hasStarted = false;
  #failure: string | undefined;

  constructor(private readonly kit: BackendKit) {}

  /**
   * Runs a case. `isLast`: no case after it needs the shared server.
   * @throws what the case throws, or at once when the first start of the kit has failed
   */
  async run(need: Need, isLast: boolean, body: (stage: Stage) => Promise<void>): Promise<void> {
    if (need !== 'nothing' && this.#failure !== undefined)
      throw new Error(`Not run, because the first start failed. ${this.#failure}`);
    const active = KitRun.#active;
    if (active !== undefined && active !== this) await active.#endShared();
    KitRun.#active = this;
    clearTimeout(this.#idle);
    const isShared = need === 'running server' || need === 'server to stop';
    if (!isShared || (need === 'running server' && this.#shared?.hasStopped)) await this.#endShared();
    await this.#ending;
    if (isShared) await this.#onShared(isLast, body);
    else await this.#onOwn(body);
  }

  async #onOwn(body: (stage: Stage) => Promise<void>): Promise<void> {
    const stage = new Stage(this.kit);
    try {
      await this.#observed(body, stage);
    } finally {
      await stage.close();
    }
  }

  async #onShared(isLast: boolean, body: (stage: Stage) => Promise<void>): Promise<void> {
    this.#shared ??= new Stage(this.kit, true);
    let isKept = false;
    try {
      await this.#observed(body, this.#shared);
      isKept = !isLast;
    } finally {
      if (isKept) this.#idle = setTimeout(() => void this.#endShared(), idleMs);
      else await this.#endShared();
    }
  }

  /** A failed start counts only while none has succeeded: later ones can fail because of what their case did. */
  async #observed(body: (stage: Stage) => Promise<void>, stage: Stage): Promise<void> {
    try {
      await body(stage);
    } catch (error) {
      if (!this.#hasStarted && error instanceof StartError) this.#failure = error.message;
      throw error;
    } finally {
      this.#hasStarted ||= stage.hasStarted;
    }
  }

  #endShared(): Promise<void> {
    clearTimeout(this.#idle);
    const shared = this.#shared;
    this.#shared = undefined;
    if (shared !== undefined) this.#ending = shared.close();
    return this.#ending;
  }
}
