// Finds the engine of a backend on this machine and reads its version, once per executable.
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

// The exit codes of a shell and of the dynamic loader when a program exists but cannot run: a library or an interpreter
// is missing.
const cannotRunCodes = [126, 127];

/**
 * The engine of one backend instance. It remembers only what an executable reported about itself, until that changes.
 */
export class EngineFinder {
  private readonly known = new Map<string, { readonly modified: number; readonly engine: FoundEngine }>();
  /** The engine that was found last, if any. */
  latest: { readonly engine?: FoundEngine } = {};

  constructor(
    private readonly description: ProcessDescription,
    private readonly backend: string,
    private readonly options: ProcessOptions,
  ) {}

  /**
   * Searches for the executable each time, but runs it only when it is new or has changed.
   * @throws the signal's reason; the system's error when it is short of files, processes or memory, which says nothing
   * about the engine
   */
  async find(context: BackendContext): Promise<FoundEngine | MissingEngine> {
    const found = await this.search(context);
    this.latest = 'reason' in found ? {} : { engine: found };
    return found;
  }

  private async search(context: BackendContext): Promise<FoundEngine | MissingEngine> {
    const { executable } = this.options;
    const candidates =
      executable === undefined
        ? (this.description.candidates?.(context.env) ?? [this.description.executable])
        : [executable];
    let missing: MissingEngine | undefined;
    for (const candidate of candidates) {
      const found = await this.tryCandidate(candidate, context);
      if (!('reason' in found)) return found;
      // Of several candidates, report the failure of the most expected one.
      if (missing === undefined || candidate === this.description.executable) missing = found;
    }
    return missing ?? this.missing(`there is no candidate for ${this.description.executable}`);
  }

  private async tryCandidate(wanted: string, context: BackendContext): Promise<FoundEngine | MissingEngine> {
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
    if (result.code === null || cannotRunCodes.includes(result.code))
      throw new LaminaError('NOT_SUPPORTED', {
        message: firstLine(result) ?? 'it ended at once when asked for its version',
      });
    return version.parse(result);
  }

  private missing(reason: string, hint = this.description.install): MissingEngine {
    const place = `Or set "executable" of the backend "${this.backend}" in the manifest.`;
    return { reason, hint: hint === undefined ? place.replace('Or set', 'Set') : `${hint} ${place}` };
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
