// A plugin that limits how many tokens a key may use in an hour.
import { definePlugin, LaminaError } from '@lamina/core/plugin';

export const quota = definePlugin({
  name: 'quota',
  options: {
    type: 'object',
    properties: { tokens: { type: 'integer', minimum: 1 } },
    required: ['tokens'],
    additionalProperties: false,
  },
  needs: ['usage'],
  setup(lamina, { tokens }) {
    const used = new Map<string, number>();
    const timer = setInterval(() => used.clear(), 3_600_000);
    lamina.onClose(() => clearInterval(timer));

    lamina.hooks.beforeRequest.tap(({ caller }) => {
      if (caller.name === undefined || (used.get(caller.name) ?? 0) < tokens) return undefined;
      lamina.emit('quota.reached', { key: caller.name });
      throw new LaminaError('RATE_LIMITED', {
        message: `This key has used its ${tokens} tokens of this hour.`,
        retry_after: 3600,
      });
    });

    lamina.events.on('request.finished', ({ key, prompt_tokens = 0, completion_tokens = 0 }) => {
      if (key !== undefined) used.set(key, (used.get(key) ?? 0) + prompt_tokens + completion_tokens);
    });
  },
});
