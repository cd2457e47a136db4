// What the frames of one connection started and what has not ended: chats, subscriptions and calls, under their ids.
import { LaminaError } from '@lamina/core';
import type { ServerFrame } from '@lamina/core/protocol';
import type { Outbox } from './outbox.js';

/** What a frame started, under the frame's id. */
export interface Task {
  readonly kind: 'chat' | 'subscription' | 'call';
  abort(reason: LaminaError): void;
  /**
   * Instead of `abort`, when the connection has ended: the task can continue without it.
   * @param isDeliberate Whether the client closed the connection itself; else it was lost.
   */
  detach?(isDeliberate: boolean): void;
}

/** The tasks of one connection. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  constructor(
    private readonly outbox: Outbox,
    /** The most tasks at once. */
    private readonly limit: number,
  ) {}

  /**
   * @throws LaminaError `CONFLICT` for an id that is in use, and beyond the limit; `SHUTTING_DOWN`
   */
  begin(id: string, task: Task): void {
    if (this.#isClosing) throw new LaminaError('SHUTTING_DOWN', {});
    if (this.#tasks.has(id))
      throw new LaminaError('CONFLICT', {
        message: `The id "${id}" is in use on this connection. Choose another id, or wait until it is free.`,
        param: 'id',
      });
    if (this.#tasks.size >= this.limit)
      throw new LaminaError('CONFLICT', {
        message: `This connection has ${this.#tasks.size} chats, subscriptions and calls under way, which is the limit. Wait for one to end, or open another connection.`,
      });
    this.#tasks.set(id, task);
  }

  /** The task of this kind with the id. */
  get(id: string, kind: Task['kind']): Task | undefined {
    const task = this.#tasks.get(id);
    return task?.kind === kind ? task : undefined;
  }

  /** Sends the last frame of a task, when its id is free again. */
  end(id: string, lastFrame: ServerFrame): void {
    this.#tasks.delete(id);
    this.outbox.send(lastFrame);
    this.#checkIdle();
  }

  /** Begins nothing more; calls `onIdle` when the last chat and the last call have ended. */
  close(onIdle: () => void): void {
    this.#isClosing = true;
    this.#onIdle = onIdle;
    this.#checkIdle();
  }

  abortAll(reason: LaminaError): void {
    for (const task of this.#tasks.values()) task.abort(reason);
  }

  /** The connection has ended, deliberately or not: what can continue is detached, the rest is aborted. */
  detachAll(isDeliberate: boolean): void {
    for (const task of this.#tasks.values()) {
      if (task.detach === undefined) task.abort(new LaminaError('ABORTED', {}));
      else task.detach(isDeliberate);
    }
  }

  #checkIdle(): void {
    if (![...this.#tasks.values()].some(({ kind }) => kind !== 'subscription')) this.#onIdle?.();
  }
}
