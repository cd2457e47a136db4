// Why keys of a configuration of llama-swap have no place in a manifest.
import type { ImportNote } from '@lamina/core';

const log = 'Set the log of lamina-server with "log" in its configuration.';
const stored = 'The server keeps its last requests by itself; the plugins metrics and log-files record more.';
const virtual =
  'Lamina has no name that stands for several models. See "of" and "fallback" of @lamina/plugin-virtual-models.';

/** The keys at the top. */
const topReasons: Readonly<Record<string, string>> = {
  startPort: 'Not needed: Lamina chooses a free port for each start.',
  logLevel: log,
  logTimeFormat: log,
  logToStdout: log,
  logRequests: log,
  store: stored,
  metricsMaxInMemory: stored,
  captureBuffer: 'Lamina does not record the content of requests and responses.',
  performance: 'Nothing to set: the plugin metrics has figures for Prometheus.',
  ui: 'Lamina has no web page.',
  upstream: 'Lamina has no route to the web pages of an engine.',
  sendLoadingState: 'Lamina does not write into the answers of models. WebSocket clients get the progress of a load.',
  includeAliasesInList: 'The list of models has no aliases.',
  apiKeys:
    'Keys are not part of the manifest. Write them into a file, one per line, and start the server with --api-key-file <file>.',
  profiles: virtual,
  selectors: virtual,
  matrix: 'A group of Lamina has models that never run together; write groups for the sets of the matrix.',
};

/** The keys of a model. */
const modelReasons: Readonly<Record<string, string>> = {
  cmdStop: 'Lamina sends SIGTERM, later SIGKILL, to the command and what it started; "docker run" passes SIGTERM on.',
  unlisted: 'Every model is in the list of models.',
  metadata: 'The list of models has what Lamina knows of a model, and nothing else.',
  capabilities: 'Lamina reads what a model can do from its files and its engine.',
  sendLoadingState: topReasons['sendLoadingState']!,
  timeouts: 'Lamina sets no such limits for connections to an engine on this machine.',
  compat: 'Lamina does not pass WebSocket connections on to engines.',
  useModelName: 'Lamina sends the name that the server lists, if it lists only one model.',
};

const used: readonly string[] = ['models', 'groups', 'routing', 'hooks', 'macros', 'peers', '$schema'];
const usedGlobal: readonly string[] = ['healthCheckTimeout', 'globalTTL', 'unloadTimeout'];
const usedModel: readonly string[] = [
  ...['cmd', 'proxy', 'aliases', 'env', 'checkEndpoint', 'ttl', 'unloadTimeout', 'name', 'description'],
  ...['concurrencyLimit', 'filters', 'macros'],
];

/** Notes for the keys at the top that have no place. */
export function topNotes(configuration: object): readonly ImportNote[] {
  return notesOf(configuration, '', topReasons, [...used, ...usedGlobal]);
}

/** Notes for the keys of a model that have no place. */
export function modelNotes(name: string, model: object): readonly ImportNote[] {
  return notesOf(model, `models.${name}.`, modelReasons, usedModel);
}

/** Notes for the parts of `routing` and `hooks` that have no place. */
export function nestedNotes({
  routing,
  hooks,
}: {
  readonly routing?: unknown;
  readonly hooks?: unknown;
}): readonly ImportNote[] {
  const { router, scheduler } = (routing ?? {}) as {
    readonly router?: { readonly use?: unknown; readonly settings?: { readonly matrix?: unknown } };
    readonly scheduler?: { readonly settings?: { readonly fifo?: { readonly priority?: unknown } } };
  };
  const { on_startup: onStartup, ...otherHooks } = (hooks ?? {}) as Readonly<Record<string, object>>;
  const { preload: _, ...otherActions } = (onStartup ?? {}) as Readonly<Record<string, unknown>>;
  const unknown = 'llama-swap has no such key that this command knows.';
  return [
    ...(router?.settings?.matrix === undefined || router.use !== 'matrix'
      ? []
      : [{ what: 'routing.router.settings.matrix', message: topReasons['matrix']! }]),
    ...(scheduler?.settings?.fifo?.priority === undefined
      ? []
      : [
          {
            what: 'routing.scheduler.settings.fifo.priority',
            message: 'Models have no priority: requests are served in their order, and a plugin can change it.',
          },
        ]),
    ...Object.keys(otherHooks).map((key) => ({ what: `hooks.${key}`, message: unknown })),
    ...Object.keys(otherActions).map((key) => ({ what: `hooks.on_startup.${key}`, message: unknown })),
  ];
}

function notesOf(
  value: object,
  lead: string,
  reasons: Readonly<Record<string, string>>,
  mapped: readonly string[],
): readonly ImportNote[] {
  return Object.keys(value)
    .filter((key) => !mapped.includes(key))
    .map((key) => ({
      what: lead + key,
      message: reasons[key] ?? 'llama-swap has no such key that this command knows.',
    }));
}
