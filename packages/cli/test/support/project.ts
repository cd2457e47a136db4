// A project of its own with the command installed in it, and a home folder: nothing of this machine is seen or changed.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@lamina/cli';
import type { CommandOutput } from './command.js';
import { Terminal } from './terminal.js';

const cli = fileURLToPath(new URL('../..', import.meta.url));

/** A project folder. */
export class Project {
  private readonly dependencies: string[] = ['@lamina/cli'];

  private constructor(readonly path: string) {}

  /** Creates one without plugins, and with an empty home in `home`. */
  static async make(): Promise<Project> {
    const project = new Project(await mkdtemp(join(tmpdir(), 'lamina-project-')));
    await mkdir(project.file('node_modules/@lamina'), { recursive: true });
    await mkdir(project.file('home'));
    await symlink(cli, project.file('node_modules/@lamina/cli'));
    await project.writePackage();
    return project;
  }

  /** Installs a plugin: a module whose `plugin` is one. */
  async addPlugin(name: string, code: string): Promise<void> {
    const json = {
      name,
      version: '1.0.0',
      type: 'module',
      keywords: ['lamina-plugin'],
      lamina: { plugin: './index.js#plugin' },
    };
    await this.write(`node_modules/${name}/package.json`, JSON.stringify(json));
    await this.write(`node_modules/${name}/index.js`, code);
    this.dependencies.push(name);
    await this.writePackage();
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async write(name: string, content: string): Promise<void> {
    await mkdir(dirname(this.file(name)), { recursive: true });
    await writeFile(this.file(name), content);
  }

  /** Runs `lamina` in this process, without a terminal. */
  async run(...args: readonly string[]): Promise<CommandOutput> {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const output = Promise.all([text(stdout), text(stderr)]);
    const { signal } = new AbortController();
    const code = await runCommand(args, { env: this.env, stdout, stderr, signal, path: this.program });
    stdout.end();
    stderr.end();
    const [out, error] = await output;
    return { code, stdout: out, stderr: error };
  }

  /** The document that a command prints with `--json`. */
  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse((await this.run(...args, '--json')).stdout) as T;
  }

  /** Runs `lamina` in a pseudo-terminal. */
  terminal(args: readonly string[], columns = 80): Terminal {
    const env = { PATH: process.env['PATH'], ...this.env };
    return Terminal.start(args, { cwd: this.path, env, program: this.program, columns });
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true });
  }

  private get program(): string {
    return this.file('node_modules/@lamina/cli/bin/lamina.js');
  }

  private get env() {
    // Without the variable, the stores of Ollama's installers would be looked into.
    return { HOME: this.file('home'), OLLAMA_MODELS: this.file('home/.ollama/models') };
  }

  private writePackage(): Promise<void> {
    const dependencies = Object.fromEntries(this.dependencies.map((name) => [name, '*']));
    return this.write('package.json', JSON.stringify({ name: 'project', dependencies }));
  }
}
