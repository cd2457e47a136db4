// A plugin of somebody else, with one of everything that a plugin can contribute.
import { fileURLToPath } from 'node:url';
import { definePlugin, processBackend } from '@lamina/core/plugin';
// The types of the extension points.
import type {} from '@lamina/cli';
import type {} from '@lamina/server-koa';

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
    lamina.extend('http', {
      routes: [
        {
          method: 'GET',
          path: '/acme/:format',
          scope: 'manage',
          summary: 'The models of a format',
          response: { type: 'object', properties: { models: { type: 'array', items: { type: 'string' } } } },
          handler: ({ params }) => {
            const records = lamina.models.list().filter(({ model }) => model.format === params['format']);
            return { models: records.map(({ model }) => model.name) };
          },
        },
      ],
      frames: {
        'acme.echo': {
          scope: 'inference',
          schema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
          run: (frame, { caller }) => ({ text: (frame as { text: string }).text, key: caller.name }),
        },
      },
    });
  },
});
