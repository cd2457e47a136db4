// What a start of an engine process consists of.
import type { StartContext } from '../contract/backends.js';
import type { Model } from '../contract/models.js';
import type { FoundEngine, InstanceOptions, ProcessDescription } from './description.js';
import type { ServerProcess } from './server-process.js';

/** A start: which engine, which model, with which context. */
export interface LaunchSpec {
  readonly description: ProcessDescription;
  /** The options of the backend instance. */
  readonly instance: InstanceOptions;
  readonly engine: FoundEngine;
  readonly model: Model;
  readonly context: StartContext;
}

/** One attempt to start, on one port. */
export interface LaunchAttempt extends LaunchSpec {
  readonly port: number;
  /** Made for this attempt, because a foreign program on the port may have received it. */
  readonly key: string;
  readonly process: ServerProcess;
}
