// What a check of `lamina doctor` is: one area, examined on its own.
import type { Configuration } from '@lamina/config';
import type { BackendRecord, ModelRecord, ModelRun } from '@lamina/core';
import type { CliIo } from '../cli-io.js';
import type { GlobalOptions } from '../global-options.js';
import type { OpenedLamina } from '../local-lamina.js';

/** What checks look at. */
export interface Subject {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  readonly configuration: Configuration;
  /** Absolute. */
  readonly modelsDir: string;
}

/** With a Lamina, attached beside the server if one runs. */
export interface LaminaSubject extends Subject {
  readonly opened: OpenedLamina;
  /** Why the manifest cannot be used; the Lamina then has an empty one. */
  readonly manifestProblem?: string;
  /** Every engine, looked for once for all checks. */
  engines(): Promise<readonly BackendRecord[]>;
  /** How each model whose files are here would run, found out once for all checks. */
  runs(): Promise<readonly (readonly [ModelRecord, ModelRun])[]>;
}

/** Something that is wrong, and what mends it: a command, or a sentence. */
export interface Problem {
  readonly status: 'warning' | 'error';
  readonly detail: string;
  readonly fix?: string;
}

/** What a check found. */
export interface Report {
  /** What is shown when nothing is wrong, or several things are. */
  readonly summary: string;
  readonly problems?: readonly Problem[];
}

/** A check of one area. */
export interface Check<T = Subject> {
  readonly id: string;
  readonly title: string;
  /** Ends when the signal is aborted. Everything it throws is an error of the area. */
  run(subject: T, signal: AbortSignal): Report | Promise<Report>;
}
