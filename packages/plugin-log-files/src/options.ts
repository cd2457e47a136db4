// The options of the plugin.
import type { FromSchema } from '@lamina/core/plugin';

/** The schema of the options of `logFiles()`. */
export const optionsSchema = {
  type: 'object',
  properties: {
    directory: {
      type: 'string',
      minLength: 1,
      description: 'Where the files are. A relative path is in the folder of the plugin in the data directory.',
      default: 'the folder of the plugin',
    },
    max_size: {
      type: 'string',
      pattern: '^[1-9][0-9]*[BKMG]$',
      description: 'A file that is this large becomes `<file>.1`, and a new one begins. In `B`, `K`, `M` or `G`.',
      default: '10M',
    },
    max_files: {
      type: 'integer',
      minimum: 1,
      description: 'How many older files of a model are kept: `<file>.1` is the newest.',
      default: 5,
    },
  },
  additionalProperties: false,
} as const;

export type Options = FromSchema<typeof optionsSchema>;
