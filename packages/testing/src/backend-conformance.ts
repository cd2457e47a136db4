// What every backend must do, as a list of cases for any test runner.
import type { BackendKit } from './conformance/kit.js';
import { answeringCases } from './conformance/answering-cases.js';
import { endingCases, stoppingCases } from './conformance/ending-cases.js';
import { endpointCases } from './conformance/endpoint-cases.js';
import { findingCases } from './conformance/finding-cases.js';
import { KitRun, type Need } from './conformance/run.js';
import { Stage } from './conformance/stage.js';
import { startingCases } from './conformance/starting-cases.js';

const runningCases = { ...endpointCases, ...answeringCases };
const cases = { ...findingCases, ...runningCases, ...stoppingCases, ...startingCases, ...endingCases };
const lastShared = Object.keys(stoppingCases).at(-1);

/** The name of a case of {@link backendConformance}. */
export type BackendCaseName = keyof typeof cases;

/** One requirement for a backend or source. */
export interface ConformanceCase {
  /** A sentence. */
  readonly name: string;
  /** Why the case does not apply. Report it as skipped, not as passed. */
  readonly skip?: string;
  /**
   * Rejects when the requirement is not met, with a sentence that says what to change. Its steps have limits
   * (`KitLimits`); the timeout of the test runner must be longer, for example 60 s.
   */
  run(): Promise<void>;
}

/**
 * The cases for a backend, in the order in which to run them, one after another. Those that need no server of their own
 * share one, which ends with the last of them, or one second after a case when no other follows. When the first start
 * fails, the cases after it fail at once with its reason. When the test runner is interrupted, the engines are killed.
 * @throws Error when `skip` names a case that does not exist, or gives no reason
 * @example
 * ```ts
 * for (const { name, skip, run } of backendConformance(kit)) (skip ? it.skip : it)(name, run);
 * ```
 */
export function backendConformance(kit: BackendKit): ConformanceCase[] {
  checkSkips(kit.skip ?? {});
  const run = new KitRun(withCachedModels(kit));
  return Object.entries(cases).map(([name, runCase]) => {
    const skip = kit.skip?.[name];
    return {
      name,
      ...(skip === undefined ? {} : { skip }),
      run: () => run.run(needOf(name), name === lastShared, runCase),
    };
  });
}

function needOf(name: string): Need {
  if (name in findingCases) return 'nothing';
  if (name in runningCases) return 'running server';
  return name in stoppingCases ? 'server to stop' : 'own server';
}

/** The version of the engine that a kit tests; `undefined` if the backend reports none or the engine is not installed. */
export async function testedVersion(kit: BackendKit): Promise<string | undefined> {
  const stage = new Stage(kit);
  try {
    const found = await stage.backend.probe(stage.context());
    return found.available ? found.version : undefined;
  } finally {
    await stage.close();
  }
}

function checkSkips(skip: Readonly<Record<string, string>>): void {
  for (const [name, reason] of Object.entries(skip)) {
    if (!(name in cases))
      throw new Error(`There is no case "${name}" to skip. The cases are:\n${Object.keys(cases).join('\n')}`);
    if (reason.trim() === '') throw new Error(`The case "${name}" is skipped without a reason.`);
  }
}

function withCachedModels(kit: BackendKit): BackendKit {
  const { brokenModel } = kit;
  return {
    ...kit,
    model: once(() => kit.model()),
    ...(brokenModel === undefined ? {} : { brokenModel: once(() => brokenModel.call(kit)) }),
  };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
