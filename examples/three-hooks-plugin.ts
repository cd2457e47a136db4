// A plugin with three hooks: it rejects long chats, sets the context length of models, and logs when models are ready.
import { definePlugin, LaminaError } from '@lamina/core/plugin';

export const threeHooks = definePlugin({
  name: 'three-hooks',
  options: {
    type: 'object',
    properties: { max_messages: { type: 'integer', minimum: 1 }, context_length: { type: 'integer', minimum: 1 } },
    additionalProperties: false,
  },
  setup(lamina, { max_messages = 100, context_length = 4096 }) {
    lamina.hooks.beforeRequest.tap((request) => {
      const messages = request.json?.['messages'];
      if (!Array.isArray(messages) || messages.length <= max_messages) return undefined;
      throw new LaminaError('FORBIDDEN', {
        message: `This chat has ${messages.length} messages; the limit is ${max_messages}.`,
      });
    });
    lamina.hooks.beforeStart.tap((options) => ({ ...options, context_length }));
    lamina.hooks.afterStart.tap((model, server) =>
      lamina.log.info({ model: model.name, context: server.info.contextLength }, 'Model ready'),
    );
    lamina.events.on('model.stopped', ({ model, reason }) => lamina.log.info({ model, reason }, 'Model stopped'));
  },
});
