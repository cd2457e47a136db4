// A plugin that asks a model whether a chat is polite, and refuses it when it is not.
import { definePlugin, LaminaError } from '@lamina/core/plugin';

export const polite = definePlugin({
  name: 'polite',
  options: {
    type: 'object',
    properties: { judge: { type: 'string' } },
    required: ['judge'],
    additionalProperties: false,
  },
  setup({ hooks, inference }, { judge }) {
    hooks.beforeRequest.tap(async ({ json }, { signal }) => {
      const question = `Is this polite? Answer yes or no. ${JSON.stringify(json?.['messages'])}`;
      const messages = [{ role: 'user', content: question }];
      const answer = await inference.chat({ model: judge, messages, max_tokens: 3 }, { signal }).text();
      if (/no/i.test(answer)) throw new LaminaError('FORBIDDEN', { message: 'Please be polite.' });
      return undefined;
    });
  },
});
