// The plugin `anthropic-api`: Anthropic's Messages API for every engine that can chat.
import { definePlugin } from '@lamina/core/plugin';

/** Anthropic's Messages API for every engine that can chat. */
export const anthropicApi = definePlugin({
  name: 'anthropic-api',
  setup() {},
});
