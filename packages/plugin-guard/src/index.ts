// The plugin `guard`: rate limits per API key, an audit log, and redaction in requests and responses.
import { definePlugin } from '@lamina/core/plugin';
import { writeAudit } from './audit.js';
import { limitRates } from './limits.js';
import { optionsSchema } from './options.js';
import { redactTexts } from './redact.js';

export { optionsSchema };

/**
 * Limits rates, writes an audit log and redacts texts. Without options it does nothing.
 * @example
 * ```ts
 * import { guard } from '@lamina/plugin-guard';
 *
 * const plugin = guard({ limits: { default: { requests_per_minute: 60 } }, redact: [{ pattern: 'sk-[A-Za-z0-9]{20,}' }] });
 * ```
 */
export const guard = definePlugin({
  name: 'guard',
  options: optionsSchema,
  // The token counts of streams cost some work, so Lamina asks engines for them only where they are used.
  needs: ({ limits, audit }) => (limits === undefined && audit === undefined ? [] : ['usage']),
  setup(lamina, { limits, audit, redact }) {
    if (limits !== undefined) limitRates(lamina, limits);
    if (audit !== undefined) writeAudit(lamina, audit);
    if (redact !== undefined) redactTexts(lamina, redact);
  },
});
