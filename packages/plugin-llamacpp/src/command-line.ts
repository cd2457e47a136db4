// Builds a command line from the flags that this build of llama-server has.
import { LaminaError } from '@lamina/core/plugin';
import type { Flags } from './flags.js';

/**
 * Collects arguments. A flag can have several names, because builds differ; the first one that this build has is used.
 */
export class CommandLine {
  private readonly collected: string[] = [];

  /** `flags` is missing when the build did not list them; every flag is assumed to exist then. */
  constructor(
    private readonly flags: Flags | undefined,
    private readonly version: string | undefined,
  ) {}

  get args(): readonly string[] {
    return this.collected;
  }

  /**
   * Adds a required flag; `what` names what requires it: `The option "reasoning"`.
   * @throws LaminaError `CONFIG_INVALID` when this build has none of the names
   */
  need(what: string, names: readonly string[], value?: string | number): void {
    const name = names.find((candidate) => this.has(candidate));
    if (name === undefined) throw missingFlag(what, names, this.version);
    this.add(name, value);
  }

  /** Adds an optional flag if this build has it in that form. */
  prefer(names: readonly string[], value?: string): void {
    const name = names.find(
      (candidate) =>
        this.has(candidate) && (this.flags === undefined || this.takesValue(candidate) === (value !== undefined)),
    );
    if (name !== undefined) this.add(name, value);
  }

  has(name: string): boolean {
    return this.flags?.has(name) ?? true;
  }

  takesValue(name: string): boolean {
    return this.flags?.get(name)?.takesValue ?? this.flags === undefined;
  }

  /** Whether the help of a flag contains a word, such as a value that only newer builds accept. */
  mentions(name: string, word: string): boolean {
    return this.flags?.get(name)?.help.includes(word) ?? this.flags === undefined;
  }

  private add(name: string, value: string | number | undefined): void {
    this.collected.push(name, ...(value === undefined ? [] : [String(value)]));
  }
}

function missingFlag(what: string, names: readonly string[], version: string | undefined): LaminaError {
  const build = version === undefined ? 'this llama-server' : `this llama-server (version ${version})`;
  const message = `${what} needs the flag ${names.join(' or ')}, which ${build} does not have. Use another build, or leave it out.`;
  return new LaminaError('CONFIG_INVALID', { message });
}
