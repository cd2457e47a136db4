// The plugin `guard`: Rate limits per API key, an audit log, and redaction in requests and responses.
import { definePlugin } from '@lamina/core/plugin';

/** Rate limits per API key, an audit log, and redaction in requests and responses. */
export const guard = definePlugin({
  name: 'guard',
  setup() {},
});
