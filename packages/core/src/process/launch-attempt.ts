// What a start is made of.
import type { StartContext } from '../contract/backends.js';
import type { Model } from '../contract/models.js';
import type { FoundEngine, InstanceOptions, ProcessDescription } from './description.js';
import type { ServerProcess } from './server-process.js';

/** A start: which engine, which model, and how. */
export interface LaunchSpec {
  readonly description: ProcessDescription;
  /** The options of the backend instance. */
  readonly instance: InstanceOptions;
  readonly engine: FoundEngine;
  readonly model: Model;
  readonly context: StartContext;
}

/** One attempt at it, on one port. */
export interface LaunchAttempt extends LaunchSpec {
  readonly port: number;
  /** Made for this attempt: a stranger that was asked with it must not know the next one. */
  readonly key: string;
  readonly process: ServerProcess;
}
