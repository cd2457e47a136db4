// The JSON documents of `GET /models/:name/logs`: what the engine of a model printed. A client must ignore fields that it
// does not know.
import type { DocumentOf, Schema } from './schema.js';

const count = { type: 'integer', minimum: 0 } as const;

/** A line that the engine of a model printed. */
export const engineLogLineSchema = {
  description: 'A line that the engine of a model printed, or a note of Lamina between such lines.',
  type: 'object',
  properties: {
    number: {
      ...count,
      description: 'Counts the lines of a model from 1, without gaps; begins again when Lamina restarts.',
    },
    at: { type: 'string', description: 'ISO 8601.' },
    stream: {
      enum: ['stdout', 'stderr', 'lamina'],
      description: '`lamina`: the engine did not print it, Lamina notes that the engine is being started.',
    },
    text: { type: 'string', description: 'At most 2,000 characters; a longer line is cut and ends with ` …`.' },
    dropped: {
      ...count,
      description: 'Lines before this one that a reader missed, because it was slower than the engine.',
    },
  },
  required: ['number', 'at', 'stream', 'text'],
} as const satisfies Schema;

/** `GET /models/:name/logs`. */
export const engineLogViewSchema = {
  description: 'The last lines that the engine of a model printed, oldest first.',
  type: 'object',
  properties: { lines: { type: 'array', items: engineLogLineSchema } },
  required: ['lines'],
} as const satisfies Schema;

/** A line that the engine of a model printed. */
export type EngineLogLineView = DocumentOf<typeof engineLogLineSchema>;
/** `GET /models/:name/logs`. */
export type EngineLogView = DocumentOf<typeof engineLogViewSchema>;
