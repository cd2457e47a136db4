// Runs the command lamina in a pseudo-terminal, made by the program `script` of util-linux.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { lamina } from './command.js';

/** Whether this machine has what it takes. */
export const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

/** What to press: the names of keys. */
export const keys = { enter: '\r', ctrlC: '\u0003', ctrlD: '\u0004', up: '\u001b[A', escape: '\u001b' } as const;

/** How a command is run. */
export interface TerminalOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Width in characters; default 80. */
  readonly columns?: number;
  /** The path of `lamina`; default: the one of this package. */
  readonly program?: string;
}

/** A command in a pseudo-terminal. */
export class Terminal {
  private output = '';
  /** Where the next `saw` begins. */
  private seen = 0;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;

  private constructor(private readonly child: ChildProcess) {
    child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (this.output += chunk));
    this.ended = once(child, 'close').then(([code]) => code as number | null);
  }

  /** Runs `lamina` with these arguments. */
  static start(args: readonly string[], { program = lamina, ...options }: TerminalOptions): Terminal {
    return Terminal.run([process.execPath, program, ...args], options);
  }

  /** Runs another program, such as a shell. */
  static run(words: readonly string[], { cwd, env = process.env, columns = 80 }: TerminalOptions): Terminal {
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
    const command = `stty cols ${columns} rows 24; exec ${quoted}`;
    // A `CI` of the test run would make every command think that nobody watches.
    const { CI: _ci, ...rest } = env;
    const child = spawn('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
      cwd,
      env: { ...rest, TERM: 'xterm-256color', SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    return new Terminal(child);
  }

  /** All that was written, with its control sequences. */
  get raw(): string {
    return this.output;
  }

  /** All that was written, without control sequences. */
  get text(): string {
    return withoutControls(this.output);
  }

  /** The process of the command. */
  get pid(): number {
    const { pid } = this.child;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'));
  }

  /** Makes it wider or narrower, as a window. */
  resize(columns: number): void {
    spawnSync('stty', ['-F', readlinkSync(`/proc/${this.pid}/fd/0`), 'cols', String(columns)]);
  }

  /** What is left on the screen: as {@link text}, without lines that were erased. */
  get screen(): string {
    // eslint-disable-next-line no-control-regex -- the sequence that erases a line
    return withoutControls(this.output.replace(/[^\n]*\r\u001b\[K/g, ''));
  }

  /** Types text or presses keys. */
  type(text: string): void {
    this.child.stdin!.write(text);
  }

  /** Resolves when what was written since the last call matches, with the match; fails when the command ends before. */
  async saw(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text.slice(this.seen));
      if (match !== null) {
        this.seen += match.index + match[0].length;
        return match;
      }
      await Promise.race([
        once(this.child.stdout!, 'data'),
        this.ended.then(() => Promise.reject(new Error(`it ended without ${pattern}: ${this.text.slice(this.seen)}`))),
      ]);
    }
  }

  /** Ends the command, if it still runs. */
  async close(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.ended;
  }
}

function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- they begin with the escape character
  return text.replace(/\u001b(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007|[=>])|\r(?=\n)/g, '');
}
