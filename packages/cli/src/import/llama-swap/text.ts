// Reads a YAML file of another program, and names the line of what is wrong.
import { readFile } from 'node:fs/promises';
import { check, LaminaError, reasonOf, type Schema } from '@lamina/core';
import { LineCounter, parseDocument, type Document } from 'yaml';

/** A YAML file. */
export class YamlFile {
  private constructor(
    /** As the user wrote it. */
    readonly path: string,
    private readonly document: Document,
    private readonly lines: LineCounter,
    /** What it says; keys without a value are left out. */
    readonly value: unknown,
  ) {}

  /** @throws LaminaError `CONFIG_INVALID` when it cannot be read, or is not YAML */
  static async read(path: string): Promise<YamlFile> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it does not exist' : reasonOf(error);
      throw new LaminaError('CONFIG_INVALID', { message: `Cannot read ${path}: ${reason}.`, file: path });
    });
    const lines = new LineCounter();
    const document = parseDocument(text, { merge: true, lineCounter: lines, prettyErrors: false, logLevel: 'error' });
    const [fault] = document.errors;
    if (fault !== undefined) throw invalid(path, lines.linePos(fault.pos[0]).line, fault.message);
    try {
      return new YamlFile(path, document, lines, withoutNulls(document.toJS()));
    } catch (error) {
      throw invalid(path, 1, reasonOf(error)); // Aliases that are circular, or that unfold to too much.
    }
  }

  /** @throws LaminaError `CONFIG_INVALID` with the first line that does not fit the schema */
  require(schema: Schema, value: unknown): void {
    const [problem] = check(schema, value).toSorted((a, b) => b.path.length - a.path.length);
    if (problem === undefined) return;
    const name = problem.path.join('.');
    this.refuse(problem.path, `${name === '' ? 'it' : name} ${problem.message}`);
  }

  /** Throws the error for a problem of a value. @throws LaminaError `CONFIG_INVALID` */
  refuse(path: readonly string[], problem: string): never {
    throw invalid(this.path, this.lineOf(path), problem);
  }

  private lineOf(path: readonly string[]): number {
    for (let length = path.length; length > 0; length -= 1) {
      const node = this.document.getIn(path.slice(0, length), true) as { range?: readonly number[] } | undefined;
      if (node?.range !== undefined) return this.lines.linePos(node.range[0]!).line;
    }
    return 1;
  }
}

function invalid(file: string, line: number, problem: string): LaminaError {
  const message = `${file}, line ${line}: ${problem.replace(/\s*\n\s*/g, ' ').replace(/[.?]?$/, (end) => end || '.')}`;
  return new LaminaError('CONFIG_INVALID', { message, file, line });
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}
