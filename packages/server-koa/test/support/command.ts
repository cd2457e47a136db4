// The lamina-server command as a process, and its log while it runs.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The program. */
export const bin = fileURLToPath(new URL('../../bin/lamina-server.js', import.meta.url));

/** A line of the log. */
export interface LogLine {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly event?: string;
  readonly [field: string]: unknown;
}

/** The numbers pino gives the levels. */
export const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** Text that arrives piece by piece, and those who wait for a part of it. */
class Growing {
  text = '';
  readonly #waiting = new Set<() => void>();

  append(piece: string): void {
    this.text += piece;
    for (const look of [...this.#waiting]) look();
  }

  /** What `find` finds, as soon as it does. */
  until<T>(find: (text: string) => T | undefined, ended: Promise<unknown>): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this.text);
        if (found === undefined) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`It ended without that: ${this.text}`)));
    });
  }
}

/** A run of a command whose standard output and standard error are read. */
export class CommandRun {
  readonly child: ChildProcess;
  /** The exit code, once everything is read. */
  readonly ended: Promise<number | null>;
  readonly #stdout = new Growing();
  readonly #stderr = new Growing();

  constructor(executable: string, args: readonly string[], options: { cwd: string; env?: NodeJS.ProcessEnv }) {
    const child = spawn(executable, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout.setEncoding('utf8').on('data', (piece: string) => this.#stdout.append(piece));
    child.stderr.setEncoding('utf8').on('data', (piece: string) => this.#stderr.append(piece));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  get stdout(): string {
    return this.#stdout.text;
  }

  get stderr(): string {
    return this.#stderr.text;
  }

  /** Where it listens. */
  url(): Promise<string> {
    return this.output(/Lamina listens on (http:\S+)\r?\n/);
  }

  /** What the first group of the pattern is in standard output. */
  output(pattern: RegExp): Promise<string> {
    return this.#stdout.until((text) => pattern.exec(text)?.[1], this.ended);
  }

  /** Every line of the log so far; each must be JSON. */
  lines(): LogLine[] {
    return this.#stderr.text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** The first line with these fields, as soon as it is there. */
  line(fields: Readonly<Record<string, unknown>>): Promise<LogLine> {
    const fits = (line: LogLine) => Object.entries(fields).every(([name, value]) => line[name] === value);
    return this.#stderr.until(() => this.lines().find(fits), this.ended);
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.child.kill('SIGTERM');
    assert.equal(await this.ended, 0, this.stderr);
  }
}

/** True for a process that runs; one that has ended and was not yet collected does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
