// The options of the plugin.
import type { FromSchema } from '@lamina/core/plugin';

const count = { type: 'integer', minimum: 1 } as const;
const text = { type: 'string' } as const;

/** The schema of the options of `guard()`. */
export const optionsSchema = {
  type: 'object',
  properties: {
    limits: {
      type: 'object',
      description: 'Name of a key → its limits. `default` is for all other keys.',
      default: 'no limits',
      additionalProperties: {
        type: 'object',
        properties: { requests_per_minute: count, tokens_per_minute: count, tokens_per_day: count },
        additionalProperties: false,
      },
    },
    audit: {
      type: 'object',
      description: 'Where to write a line for each finished request.',
      default: 'no audit log',
      properties: { file: text, max_size: { type: 'string', pattern: '^[1-9][0-9]*[BKMG]$' }, max_files: count },
      additionalProperties: false,
    },
    redact: {
      type: 'array',
      description: 'Rules: which texts to replace, and where.',
      default: 'no rules',
      items: {
        type: 'object',
        properties: {
          pattern: { type: 'string', minLength: 1 },
          flags: { type: 'string', pattern: '^[ims]*$' },
          replacement: text,
          apply_to: { enum: ['requests', 'responses', 'both'] },
          max_length: count,
        },
        required: ['pattern'],
        additionalProperties: false,
      },
    },
  },
  additionalProperties: false,
} as const;

type Options = FromSchema<typeof optionsSchema>;
export type Limits = NonNullable<Options['limits']>;
export type Audit = NonNullable<Options['audit']>;
export type Rule = NonNullable<Options['redact']>[number];
