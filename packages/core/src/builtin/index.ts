// The plugin every Lamina has: backends that need no code, a command line and a server that already runs.
import { definePlugin } from '../kernel/define-plugin.js';
import type { Plugin } from '../contract/plugin.js';
import { commandBackend } from './command-backend.js';
import { remoteBackend } from './remote-backend.js';

/**
 * Registers the backend types `command` and `remote`; models of a remote have no files here. A remote is looked after
 * with this `fetch`: directly, as requests go to it.
 */
export function builtin(fetch: typeof globalThis.fetch): Plugin {
  const factory = definePlugin({
    name: 'builtin',
    setup(lamina) {
      lamina.addBackend(commandBackend());
      lamina.addBackend(remoteBackend(fetch));
      lamina.hooks.describeModel.tap((model) =>
        model.backendType === 'remote' ? { ...model, format: 'remote', files: [] } : undefined,
      );
    },
  });
  return factory();
}
