// The plugin `responses-api`: OpenAI's Responses API, stateless, for every engine that can chat.
import { definePlugin } from '@lamina/core/plugin';

/** OpenAI's Responses API, stateless, for every engine that can chat. */
export const responsesApi = definePlugin({
  name: 'responses-api',
  setup() {},
});
