// Knows in which tap a piece of code runs, for requests that plugins make inside their hooks.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { HookName } from '../contract/hooks.js';

/** A tap that runs. */
export interface RunningTap {
  readonly hook: HookName;
  /** The plugin, and those in whose taps it runs. */
  readonly plugins: ReadonlySet<string>;
}

/** The taps that run. */
export class RunningTaps {
  #storage: AsyncLocalStorage<RunningTap & { isOver: boolean }> | undefined;

  /** Called when the first plugin may make requests: until then nothing is tracked, because it costs on Node 20. */
  track(): void {
    this.#storage ??= new AsyncLocalStorage();
  }

  /** The tap in which the caller runs. What outlives its tap is not in it any more. */
  current(): RunningTap | undefined {
    const tap = this.#storage?.getStore();
    return tap?.isOver === false ? tap : undefined;
  }

  run<T>(hook: HookName, plugin: string, run: () => T): T {
    if (this.#storage === undefined) return run();
    const tap = { hook, plugins: new Set([...(this.current()?.plugins ?? []), plugin]), isOver: false };
    const end = () => void (tap.isOver = true);
    let result: T | undefined;
    try {
      result = this.#storage.run(tap, run);
      return result;
    } finally {
      if (result instanceof Promise) result.then(end, end);
      else end();
    }
  }
}
