// What the benchmarked lamina-server is made of: one model, served by an engine that already runs where
// LAMINA_BENCH_ENGINE says.
import { defineConfig } from '@lamina/core';
import { definePlugin, type ServerExit } from '@lamina/core/plugin';

const attached = definePlugin({
  name: 'attached',
  setup(lamina) {
    const baseUrl = lamina.env['LAMINA_BENCH_ENGINE']!;
    lamina.addBackend({
      type: 'attached',
      formats: ['attached'],
      options: { type: 'object' },
      modelOptions: { type: 'object' },
      lifetime: 'external',
      create: (name) => ({
        name,
        probe: () => Promise.resolve({ available: true }),
        accepts: () => ({ rank: 0, reason: 'it runs already' }),
        start: () => {
          let end: (exit: ServerExit) => void = () => undefined;
          const closed = new Promise<ServerExit>((resolve) => (end = resolve));
          const detach = () =>
            end({ code: null, signal: null, expected: true, reason: 'it was detached', lastLines: [] });
          return Promise.resolve({
            info: {},
            endpoint: () => ({ baseUrl }),
            closed,
            stop: () => Promise.resolve(detach()),
          });
        },
      }),
    });
    lamina.hooks.describeModel.tap((model) => ({ ...model, format: 'attached', files: [] }));
  },
});

export default defineConfig({ plugins: [attached()], manifest: { models: { bench: {} } } });
