// Lays out packages on the disk as package managers do.
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadPlugins, readConfiguration, type Environment } from '@lamina/config';

/** The package that the commands of these tests belong to. */
export const commandPackage = '@lamina/cli';

/** A temporary folder. */
export class Disk {
  private constructor(readonly root: string) {}

  static async make(): Promise<Disk> {
    return new Disk(await realpath(await mkdtemp(join(tmpdir(), 'lamina-config-'))));
  }

  path(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  async write(path: string, content: string | object): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), typeof content === 'string' ? content : JSON.stringify(content));
  }

  async link(from: string, to: string): Promise<void> {
    await mkdir(dirname(this.path(from)), { recursive: true });
    await symlink(this.path(to), this.path(from));
  }

  /** A project with these dependencies. */
  project(path: string, ...names: readonly string[]): Promise<void> {
    return this.write(`${path}/package.json`, { dependencies: Object.fromEntries(names.map((name) => [name, '*'])) });
  }

  /** The command, installed in a folder. */
  async command(folder: string): Promise<void> {
    await this.write(`${folder}/package.json`, { name: commandPackage });
    await this.write(`${folder}/bin/lamina.js`, '');
  }

  /** A plugin, installed in a folder, with this code and these other members of its package.json. */
  async plugin(folder: string, code: string, more: object = {}): Promise<void> {
    const json = { name: 'any', version: '1.2.3', type: 'module', keywords: ['lamina-plugin'] };
    await this.write(`${folder}/package.json`, { ...json, lamina: { plugin: './main.js' }, ...more });
    await this.write(`${folder}/main.js`, code);
  }

  /** Reads the configuration of the command at a path of this folder, and loads its plugins. */
  async load(path: string, flags: Readonly<Record<string, unknown>> = {}, env: Environment = {}) {
    const command = { package: commandPackage, path: this.path(path) };
    const configuration = await readConfiguration({ command, flags, env: { HOME: this.path('home'), ...env } });
    const records = await loadPlugins(configuration);
    return {
      configuration,
      records,
      names: records.flatMap(({ plugin }) => plugin?.name ?? []),
      options: Object.fromEntries(records.flatMap(({ plugin }) => (plugin ? [[plugin.name, plugin.options]] : []))),
      problems: records.flatMap(({ problem }) => problem ?? []),
    };
  }

  discard(path: string): Promise<void> {
    return rm(this.path(path));
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true });
  }
}

/** The code of a plugin with this name that keeps its options. */
export function pluginCode(name: string): string {
  return `export default (options = {}) => ({ name: '${name}', apiVersion: 1, options, setup() {} });`;
}
