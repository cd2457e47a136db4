// A plugin that has a say in three places: it refuses requests, changes how models start, and writes down what becomes
// of them.
import { definePlugin, LaminaError } from '@lamina/core/plugin';

export const threeHooks = definePlugin({
  name: 'three-hooks',
  options: {
    type: 'object',
    properties: { most_messages: { type: 'integer', minimum: 1 }, context_length: { type: 'integer', minimum: 1 } },
    additionalProperties: false,
  },
  setup(lamina, { most_messages = 100, context_length = 4096 }) {
    lamina.hooks.beforeRequest.tap((request) => {
      const messages = request.json?.['messages'];
      if (!Array.isArray(messages) || messages.length <= most_messages) return undefined;
      throw new LaminaError('FORBIDDEN', {
        message: `A chat may have ${most_messages} messages here, this one has ${messages.length}.`,
      });
    });
    lamina.hooks.beforeStart.tap((options) => ({ ...options, context_length }));
    lamina.hooks.afterStart.tap((model, server) =>
      lamina.log.info({ model: model.name, context: server.info.contextLength }, 'A model is ready'),
    );
    lamina.events.on('model.stopped', ({ model, reason }) => lamina.log.info({ model, reason }, 'A model was stopped'));
  },
});
