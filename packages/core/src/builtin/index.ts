// The built-in plugin: the backend types `command` and `remote`, which need no code.
import { definePlugin } from '../kernel/define-plugin.js';
import type { Plugin } from '../contract/plugin.js';
import { commandBackend } from './command-backend.js';
import { remoteBackend } from './remote-backend.js';

/**
 * Registers the backend types `command` and `remote`; models of a remote have no files. `fetch` is used to check
 * remotes, directly and without a proxy, as requests to them are sent.
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
