// A plugin of somebody else, with one of everything that a plugin can contribute.
import { fileURLToPath } from 'node:url';
import { definePlugin, processBackend } from '@lamina/core/plugin';
import type {} from '@lamina/cli';

const engine = fileURLToPath(new URL('../engine.mjs', import.meta.url));

export const acme = definePlugin({
  name: 'acme',
  setup(lamina) {
    lamina.addBackend(
      processBackend({
        type: 'acme',
        formats: ['gguf'],
        executable: process.execPath,
        install: 'Install Node.',
        command: ({ port, key }) => ({ args: [engine, `${port}`], env: { ACME_KEY: key } }),
        ready: '/health',
      }),
    );
    lamina.extend('command', {
      name: 'acme-count',
      options: [{ flags: '--format <name>', description: 'Count those of another format' }],
      run: ({ lamina, options: { format = 'gguf' } }) => {
        const count = lamina.models.list().filter(({ model }) => model.format === format).length;
        return {
          json: { count },
          text: `${count} model${count === 1 ? ' has' : 's have'} the format ${String(format)}.`,
        };
      },
    });
  },
});
