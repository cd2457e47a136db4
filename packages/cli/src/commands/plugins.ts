// lamina plugins: shows the plugins, whether they are loaded, and what they contribute.
import type { Command } from 'commander';
import type { ConfiguredPlugin, Project } from '@lamina/config';
import { refuseServer } from '../contributed-commands.js';
import type { OpenedLamina } from '../local-lamina.js';
import type { CommandResult, Printer } from '../printer.js';
import type { GlobalOptions } from '../global-options.js';
import type { Session } from '../session.js';
import { counted, type TableRow } from '../table.js';
import { addExample } from './example.js';

/** The packages whose programs read extension points, apart from this one. */
const readers: Readonly<Record<string, string>> = { http: '@lamina/server-koa' };
const origins = { discovery: 'found', file: 'configuration', flag: '--plugin' } as const;

/** A plugin as `--json` prints it. */
interface PluginView {
  readonly name?: string;
  readonly package?: string;
  readonly version?: string;
  readonly directory?: string;
  readonly from: keyof typeof origins;
  readonly loaded: boolean;
  readonly problem?: string;
  readonly backends: readonly string[];
  readonly sources: readonly string[];
  readonly hooks: readonly string[];
  readonly extensions: readonly { readonly point: string; readonly read: boolean }[];
  readonly commands: readonly string[];
}

/** Adds the command. */
export function pluginsCommand(program: Command, session: Session): void {
  const command = program
    .command('plugins')
    .description('List plugins and what they contribute')
    .action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      refuseServer(command, options);
      const opened = await session.open(options, 'attached', { showsPlugins: true });
      try {
        session.print(resultOf(opened, session.printer));
      } finally {
        await opened.lamina.close({ signal: session.io.signal });
      }
    });
  addExample(command, 'lamina plugins --json');
}

function resultOf(opened: OpenedLamina, printer: Printer): CommandResult {
  const { project } = opened.configuration;
  const views = opened.plugins.map((plugin) => viewOf(plugin, opened));
  const rows = views.flatMap((view): readonly TableRow[] => [
    [
      view.name ?? view.package ?? '-',
      view.version ?? '-',
      origins[view.from],
      view.loaded ? contributionsOf(view) : printer.style.red('not loaded'),
    ],
    ...notesOf(view),
  ]);
  const none = `No plugins in ${project.description}. Install one, such as: npm install @lamina/plugin-llamacpp`;
  return {
    json: { searched: project.description, plugins: views },
    text: [
      ...(rows.length === 0 ? [none] : [printer.table(['NAME', 'VERSION', 'FROM', 'CONTRIBUTES'], rows)]),
      ...(rows.length === 0 ? [] : ['', printer.wrap(`Plugins are found in ${project.description}.`)]),
    ].join('\n'),
  };
}

function viewOf(
  { package: name, version, directory, from, plugin, problem, commands }: ConfiguredPlugin,
  { lamina, configuration }: OpenedLamina,
): PluginView {
  // Before the records are read, because reading an extension point marks it.
  const contributed = lamina.extensions('command').filter((contribution) => contribution.plugin === plugin?.name);
  const record = lamina.plugins.find((record) => record.name === plugin?.name);
  return {
    ...(plugin === undefined ? {} : { name: plugin.name }),
    ...(name === undefined ? {} : { package: name }),
    ...(version === undefined ? {} : { version }),
    ...(directory === undefined ? {} : { directory }),
    from,
    loaded: plugin !== undefined,
    ...(problem === undefined ? {} : { problem }),
    backends: record?.backends ?? [],
    sources: record?.sources ?? [],
    hooks: record?.hooks ?? [],
    extensions: (record?.extensions ?? []).map(({ point, read }) => ({
      point,
      read: read || isReadBy(readers[point], configuration.project),
    })),
    commands: plugin === undefined ? Object.keys(commands) : contributed.map(({ value }) => value.name),
  };
}

function isReadBy(reader: string | undefined, project: Project): boolean {
  return reader !== undefined && project.find(reader) !== undefined;
}

function contributionsOf({ backends, sources, hooks, extensions, commands }: PluginView): string {
  const kinds: readonly (readonly [string, readonly string[]])[] = [
    ['backend', backends],
    ['source', sources],
    ['hook', hooks],
    ['command', commands],
    ['extension', extensions.map(({ point }) => point).filter((point) => point !== 'command')],
  ];
  const parts = kinds
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => (names.length === 1 ? `${kind} ${names[0]}` : counted(names.length, kind)));
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}

/** What is wrong with a plugin, or has no effect. */
function notesOf({ problem, extensions }: PluginView): readonly string[] {
  if (problem !== undefined) return [`It is not loaded: ${problem}.`];
  return extensions
    .filter(({ read }) => !read)
    .map(({ point }) => {
      const reader = readers[point];
      const why =
        reader === undefined
          ? 'neither lamina nor lamina-server reads it'
          : `${reader}, which reads it, is not installed`;
      return `The extension "${point}" has no effect: ${why}.`;
    });
}
