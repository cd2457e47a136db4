// Runs the commands lamina and lamina-server in a temporary folder: as processes, as people do; lamina also in this
// process, which is faster.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@lamina/cli';

/** The program `lamina`. */
export const lamina = fileURLToPath(new URL('../../bin/lamina.js', import.meta.url));
/** The program `lamina-server`. */
export const server = fileURLToPath(
  new URL('./bin/lamina-server.js', import.meta.resolve('@lamina/server-koa/package.json')),
);

/** The exit code and output of a command. */
export interface CommandOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandOutput>;
  /** Resolves when its standard output matches; fails when the command ends before that. */
  saw(pattern: RegExp): Promise<void>;
}

/** A folder with models, and the processes that were started in it. */
export class Folder {
  private readonly running = new Set<ChildProcess>();

  private constructor(readonly path: string) {}

  /**
   * Creates a folder with `models/tiny.fake`, a manifest with it and with `far`, which is served at `origin`, and a
   * configuration with the fake engine that allows servers to download from there.
   */
  static async make(origin = 'http://127.0.0.1:9'): Promise<Folder> {
    const folder = new Folder(await mkdtemp(join(tmpdir(), 'lamina-cli-')));
    await mkdir(join(folder.path, 'models'));
    await writeFile(join(folder.path, 'models', 'tiny.fake'), 'a fake model');
    await writeFile(join(folder.path, 'models', 'models.yaml'), manifest(origin));
    const config = `import { fakePlugin } from '${import.meta.resolve('@lamina/testing')}';\nexport default { plugins: [fakePlugin()], downloads: { allowedHosts: ['${new URL(origin).host}'] } };\n`;
    await writeFile(join(folder.path, 'config.mjs'), config);
    return folder;
  }

  /** Runs `lamina` in this process, to its end. */
  run(...args: readonly string[]): Promise<CommandOutput> {
    return this.runWith({}, args);
  }

  /** Like {@link here}, or with `--server` like {@link run}, with terminals of so many columns, without colours. */
  inTerminal(columns: number, ...args: readonly string[]): Promise<CommandOutput> {
    return this.runWith({ columns, isTTY: true }, args.includes('--server') ? args : [...args, ...this.configured()]);
  }

  private async runWith(
    terminal: { readonly columns?: number; readonly isTTY?: boolean },
    args: readonly string[],
  ): Promise<CommandOutput> {
    const stdout = Object.assign(new PassThrough(), terminal);
    const stderr = Object.assign(new PassThrough(), terminal);
    const output = Promise.all([text(stdout), text(stderr)]);
    const env = { NO_COLOR: '1' };
    const code = await runCommand(args, { env, stdout, stderr, signal: new AbortController().signal });
    stdout.end();
    stderr.end();
    const [out, error] = await output;
    return { code, stdout: out, stderr: error };
  }

  /** Like {@link run}, with the models and the configuration of the folder. */
  here(...args: readonly string[]): Promise<CommandOutput> {
    return this.run(...args, ...this.configured());
  }

  private configured(): readonly string[] {
    return ['--config', this.file('config.mjs'), '--models-dir', this.file('models')];
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** Starts a program in the folder. */
  start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): RunningCommand {
    const child = spawn(program, args, { cwd: this.path, env });
    this.running.add(child);
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    const ended = once(child, 'close').then(([code]) => {
      this.running.delete(child);
      return { code: code as number | null, stdout, stderr };
    });
    const saw = async (pattern: RegExp) => {
      while (!pattern.test(stdout))
        await Promise.race([
          once(child.stdout, 'data'),
          ended.then(() => Promise.reject(new Error(`it ended without ${pattern}: ${stdout}${stderr}`))),
        ]);
    };
    return { child, ended, saw };
  }

  /** Starts a lamina-server on the models of the folder; resolves with its address. */
  async serve(...args: readonly string[]): Promise<string> {
    let url = '';
    const { child, saw } = this.start(process.execPath, [server, '--config', 'config.mjs', '--port', '0', ...args]);
    child.stdout!.on('data', (chunk: string) => (url ||= /http:\S+/.exec(chunk)?.[0] ?? ''));
    await saw(/http:/);
    return url;
  }

  /** Stops all that was started here. */
  async stop(): Promise<void> {
    const gone = [...this.running].map((child) => once(child, 'close'));
    for (const child of this.running) child.kill('SIGTERM');
    await Promise.all(gone);
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.path, { recursive: true });
  }
}

function manifest(origin: string): string {
  return `models:
  tiny: { path: tiny.fake, backend: fake, use_cases: [conversational], quantization: Q8_0, aliases: [small] }
  far: { backend: fake, size: "5MB", download: { url: "${origin}/far.fake" } }
defaults: { conversational: tiny }
categories: { lightweight: [tiny] }
`;
}
