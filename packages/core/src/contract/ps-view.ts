// The JSON document of `GET /ps` and `lamina ps --json`: which models are in use, and the memory they share. A client must
// ignore fields that it does not know.
import { slotStateSchema } from './events.js';
import type { DocumentOf, Schema } from './schema.js';

const string = { type: 'string' } as const;
const count = { type: 'integer', minimum: 0 } as const;
const amount = { type: 'number', minimum: 0 } as const;
const time = { ...string, description: 'ISO 8601.' } as const;

/** The memory that a running model holds. */
export const heldMemorySchema = {
  description: 'The memory that a running model holds.',
  type: 'object',
  properties: {
    reserved: {
      type: 'object',
      description:
        'What is reserved for it, by resource: `host` is system memory and every device its own, in bytes; `servers` and `group:<name>` are counts.',
      additionalProperties: amount,
    },
    basis: {
      enum: ['estimate', 'engine', 'learned', 'unknown'],
      description:
        'Where the amount is from: computed from the header of the model, said by the engine, what it took before, or guessed from the size of its files.',
    },
    resident_bytes: {
      ...count,
      description: 'System memory its processes held when last measured, without mapped files.',
    },
    slow: { const: true, description: 'Its mapped weights do not fit in memory, so that it is slow.' },
  },
  required: ['reserved', 'basis'],
} as const satisfies Schema;

/** A model in `GET /ps`. */
export const psModelSchema = {
  description: 'A model that runs, starts, sleeps, waits or failed.',
  type: 'object',
  properties: {
    state: slotStateSchema,
    backend: string,
    busy: { ...count, description: 'Requests in progress.' },
    capacity: { ...count, description: 'Requests that it serves at once, if there is a limit; others wait.' },
    waiting: { ...count, description: 'Requests that wait for it.' },
    wait_reason: { ...string, description: 'Why they wait, when it needs memory: a part of a sentence.' },
    started_at: { ...time, description: 'When it became ready, ISO 8601.' },
    idle_at: {
      ...time,
      description: 'When it is stopped, or put to sleep, if no request comes until then, ISO 8601.',
    },
    retry_at: { ...time, description: 'When a failed model may be started again, ISO 8601.' },
    error: {
      description: 'The last failure; a successful start clears it.',
      type: 'object',
      properties: { code: string, message: string },
      required: ['code', 'message'],
    },
    memory: heldMemorySchema,
    pid: { ...count, description: 'The process of the engine; only for callers with the scope `manage`.' },
    origin: { ...string, description: 'The address of the engine; only for callers with the scope `manage`.' },
  },
  required: ['state', 'busy', 'waiting'],
} as const satisfies Schema;

/** `GET /ps`. */
export const psViewSchema = {
  description: 'Models that are in use, and the memory they share.',
  type: 'object',
  properties: {
    models: {
      type: 'object',
      description: 'Models that run, start, sleep, wait or failed, by name.',
      additionalProperties: psModelSchema,
    },
    resources: {
      type: 'object',
      description:
        'What models share: `host` is system memory and every device its own, in bytes; `servers` and `group:<name>` count models.',
      additionalProperties: {
        type: 'object',
        properties: {
          budget: { ...amount, description: 'What all models together may use; missing if there is no limit.' },
          reserved: { ...amount, description: 'What is reserved for models that run or start.' },
          free: {
            ...amount,
            description:
              'What another model could get without stopping one: less than the rest of the budget while other programs need memory.',
          },
        },
        required: ['reserved'],
      },
    },
    machine: {
      description: 'The system memory of the machine, or of the container that Lamina runs in.',
      type: 'object',
      properties: { total_bytes: count, available_bytes: count },
      required: ['total_bytes', 'available_bytes'],
    },
  },
  required: ['models', 'resources', 'machine'],
} as const satisfies Schema;

/** The memory that a running model holds. */
export type HeldMemory = DocumentOf<typeof heldMemorySchema>;
/** A model in `GET /ps`. */
export type PsModel = DocumentOf<typeof psModelSchema>;
/** `GET /ps`. */
export type PsView = DocumentOf<typeof psViewSchema>;
