// The plugin `log-files`: the output of each model's engine in a file of its own, rotated by size.
import { definePlugin } from '@lamina/core/plugin';
import { optionsSchema } from './options.js';
import { ModelLogs } from './model-logs.js';

export { optionsSchema };

/**
 * Writes what the engine of each model prints to `<directory>/<model>.log`.
 * @example
 * ```ts
 * import { logFiles } from '@lamina/plugin-log-files';
 *
 * const plugin = logFiles({ directory: '/var/log/lamina', max_size: '50M', max_files: 3 });
 * ```
 */
export const logFiles = definePlugin({
  name: 'log-files',
  options: optionsSchema,
  setup(lamina, options) {
    const logs = new ModelLogs(lamina, options);
    lamina.events.on('log.line', ({ model }) => logs.record(model));
    lamina.onClose(() => logs.close());
  },
});
