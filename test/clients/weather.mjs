// The tool that the models call when a message has the word /tool.
import { z } from 'zod';

export const city = z.object({ city: z.enum(['Paris']).describe('The city') });

/** As OpenAI's API describes it. */
export const weatherFunction = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string', enum: ['Paris'], description: 'The city' } },
    required: ['city'],
    additionalProperties: false,
  },
};
