// The options of the plugin.

/** The schema of the options of `ui()`. */
export const optionsSchema = {
  type: 'object',
  properties: {
    capture: {
      type: 'boolean',
      default: false,
      description:
        'Keeps the prompts and answers of the last 50 requests in memory, and shows them to keys with the scope `manage`.',
    },
  },
  additionalProperties: false,
} as const;
