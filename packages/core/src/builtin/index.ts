// The built-in plugin: the backend types `command` and `remote`, which need no code.
import { setMaxListeners } from 'node:events';
import { definePlugin } from '../kernel/define-plugin.js';
import { LaminaError } from '../contract/errors.js';
import type { Manifest } from '../contract/manifest.js';
import type { Plugin } from '../contract/plugin.js';
import { reasonOf } from '../kernel/reason.js';
import { commandBackend } from './command-backend.js';
import { describeCommandModel } from './command-models.js';
import { remoteBackend } from './remote-backend.js';
import { Remotes } from './remotes.js';

/**
 * Registers the backend types `command` and `remote`, and offers the models that remotes list. `fetch` is used to check
 * remotes, directly and without a proxy, as requests to them are sent.
 */
export function builtin(fetch: typeof globalThis.fetch): Plugin {
  const factory = definePlugin({
    name: 'builtin',
    setup(lamina) {
      const { env, clock, log, hooks } = lamina;
      const closing = new AbortController();
      setMaxListeners(0, closing.signal); // Every check listens to it.
      const remotes = new Remotes({ fetch, env, clock, signal: closing.signal }, log, () => {
        lamina.models.reload().catch((error: unknown) => {
          log.debug({ reason: reasonOf(error) }, 'The models could not be read after a remote changed');
        });
      });
      lamina.addBackend(commandBackend());
      lamina.addBackend(remoteBackend(remotes));
      let manifest: Manifest | undefined;
      hooks.discoverModels.tap((discovery, context) => {
        ({ manifest } = discovery);
        return remotes.discover(discovery, context);
      });
      hooks.describeModel.tap(
        (model) => remotes.describe(model) ?? (manifest && describeCommandModel(model, manifest)),
      );
      lamina.onClose(() => closing.abort(new LaminaError('SHUTTING_DOWN', {})));
    },
  });
  return factory();
}
