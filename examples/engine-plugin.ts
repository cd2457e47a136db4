// A plugin for your own engine: any program that serves OpenAI's API on a port.
import { definePlugin, processBackend } from '@lamina/core/plugin';

export const myEngineType = processBackend({
  type: 'my-engine',
  formats: ['gguf'],
  executable: 'my-engine',
  install: 'Put my-engine in PATH.',
  command: ({ model, port, key }) => ({
    args: ['--model', model.files[0]!.path, '--port', `${port}`],
    env: { MY_ENGINE_KEY: key },
  }),
  ready: '/health',
});

export const myEngine = definePlugin({
  name: 'my-engine',
  setup: (lamina) => lamina.addBackend(myEngineType),
});
