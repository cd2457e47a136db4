// What a user starts and has to wait for.
import { useSignal } from '@preact/signals';

/** Whether it is under way, and why it failed last. */
export interface Action {
  readonly isRunning: boolean;
  readonly problem: string | undefined;
  /** Runs it; what it throws becomes the problem. */
  run(action: () => Promise<unknown>): Promise<void>;
}

/** The state of an action of a component. */
export function useAction(): Action {
  const isRunning = useSignal(false);
  const problem = useSignal<string | undefined>(undefined);
  return {
    isRunning: isRunning.value,
    problem: problem.value,
    async run(action) {
      isRunning.value = true;
      problem.value = undefined;
      try {
        await action();
      } catch (error) {
        problem.value = (error as Error).message;
      } finally {
        isRunning.value = false;
      }
    },
  };
}
