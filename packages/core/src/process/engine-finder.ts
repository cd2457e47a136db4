// Finds the engine of a backend on this machine and learns what it is, once per executable.
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import { isShortage } from '../kernel/shortage.js';
import type { BackendContext } from '../contract/backends.js';
import type { FoundEngine, ProcessDescription, ProcessOptions, RunResult } from './description.js';
import { engineEnvironment } from './environment.js';
import { findExecutable } from './find-executable.js';
import { runCommand } from './run-command.js';

/** Why there is no engine, and what to do. */
export interface MissingEngine {
  readonly reason: string;
  readonly hint: string;
}

// What a shell, and the dynamic loader, answer when a program is there but cannot be run: a library or an interpreter
// is missing.
const cannotRun = [126, 127];

/**
 * The engine of one backend instance. Nothing is remembered but what an executable, as it last changed, said of itself.
 */
export class EngineFinder {
  private readonly known = new Map<string, { readonly modified: number; readonly engine: FoundEngine }>();
  /** The engine that was found last; empty while there is none. */
  latest: { readonly engine?: FoundEngine } = {};

  constructor(
    private readonly description: ProcessDescription,
    private readonly backend: string,
    private readonly options: ProcessOptions,
  ) {}

  /**
   * Looks for the executable each time; runs it only when it is new or has changed.
   * @throws the signal's reason; the system's error when that is short of files, processes or memory, which says
   * nothing about the engine
   */
  async find(context: BackendContext): Promise<FoundEngine | MissingEngine> {
    const found = await this.look(context);
    this.latest = 'reason' in found ? {} : { engine: found };
    return found;
  }

  private async look(context: BackendContext): Promise<FoundEngine | MissingEngine> {
    const { executable } = this.options;
    const candidates =
      executable === undefined
        ? (this.description.candidates?.(context.env) ?? [this.description.executable])
        : [executable];
    let missing: MissingEngine | undefined;
    for (const candidate of candidates) {
      const found = await this.lookAt(candidate, context);
      if (!('reason' in found)) return found;
      // Of several places, what is told is why it is not where everybody would look.
      if (missing === undefined || candidate === this.description.executable) missing = found;
    }
    return missing ?? this.missing(`there is no place to look for ${this.description.executable}`);
  }

  private async lookAt(wanted: string, context: BackendContext): Promise<FoundEngine | MissingEngine> {
    const search = await findExecutable(wanted, context.env);
    if (!('path' in search)) return this.missing(search.reason, search.hint);
    const known = this.known.get(search.path);
    if (known?.modified === search.modified) return known.engine;
    try {
      const engine = await this.examine(search.path, context);
      this.known.set(search.path, { modified: search.modified, engine });
      return engine;
    } catch (error) {
      context.signal.throwIfAborted();
      if (isShortage(error)) throw error;
      return this.missing(`${search.path} cannot be used: ${reasonOf(error)}`);
    }
  }

  private async examine(executable: string, context: BackendContext): Promise<FoundEngine> {
    const env = engineEnvironment(context.env, this.description.scrubEnv ?? [], this.options.env);
    const run = (args: readonly string[], program = executable) =>
      runCommand(program, args, { env, signal: context.signal });
    const version = await this.version(run);
    const engine: FoundEngine = { executable, ...(version === undefined ? {} : { version }) };
    return { ...engine, ...(await this.description.probe?.(engine, { run, context })) };
  }

  private async version(run: (args: readonly string[]) => Promise<RunResult>): Promise<string | undefined> {
    const { version = defaultVersion } = this.description;
    if (version === false) return undefined;
    const result = await run(version.args);
    if (result.code === null || cannotRun.includes(result.code))
      throw new LaminaError('NOT_SUPPORTED', {
        message: firstLine(result) ?? `it ended at once when asked for its version`,
      });
    return version.parse(result);
  }

  private missing(reason: string, hint = this.description.install): MissingEngine {
    const place = `Or say where it is: "executable" of the backend "${this.backend}" in the manifest.`;
    return { reason, hint: hint === undefined ? place.replace('Or say', 'Say') : `${hint} ${place}` };
  }
}

const defaultVersion = {
  args: ['--version'],
  parse: ({ stdout, stderr }: RunResult) => /\d+\.\d+[\w.+-]*|\bb?\d{3,}\b/.exec(`${stdout}\n${stderr}`)?.[0],
};

function firstLine({ stdout, stderr }: RunResult): string | undefined {
  return `${stderr}\n${stdout}`
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim();
}
