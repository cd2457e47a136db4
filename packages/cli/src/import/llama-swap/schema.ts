// The parts of a configuration of llama-swap that can be mapped; its other keys may have any value.
import type { FromSchema } from '@lamina/core';

const text = { type: 'string' } as const;
const whole = { type: 'integer' } as const;
const list = { type: 'array', items: text } as const;
const object = { type: 'object' } as const;
const macros = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } } as const;
const filters = {
  type: 'object',
  properties: {
    stripParams: text,
    strip_params: text,
    setParams: object,
    setParamsByID: { type: 'object', additionalProperties: object },
  },
} as const;

/** One entry under `models:`. */
const modelSchema = {
  type: 'object',
  properties: {
    cmd: text,
    cmdStop: text,
    proxy: text,
    checkEndpoint: text,
    ttl: { type: 'integer', minimum: -1 },
    unloadTimeout: { type: 'integer', minimum: 0 },
    concurrencyLimit: { type: 'integer', minimum: 0 },
    aliases: list,
    env: list,
    useModelName: text,
    name: text,
    description: text,
    macros,
    filters,
  },
} as const;

const groupSchema = {
  type: 'object',
  properties: {
    swap: { type: 'boolean' },
    exclusive: { type: 'boolean' },
    persistent: { type: 'boolean' },
    members: list,
  },
} as const;
const groupsSchema = { type: 'object', additionalProperties: groupSchema } as const;

const peerSchema = {
  type: 'object',
  properties: { proxy: { type: 'string', pattern: '^https?://' }, apiKey: text, models: list, filters },
  required: ['proxy', 'models'],
} as const;

/** The macros, which are read before everything else. */
export const macrosSchema = {
  type: 'object',
  properties: {
    macros,
    models: { type: 'object', additionalProperties: { type: 'object', properties: { cmd: text, macros } } },
  },
} as const;

/** The whole configuration, with its macros replaced. */
export const configurationSchema = {
  type: 'object',
  properties: {
    models: { type: 'object', additionalProperties: modelSchema },
    groups: groupsSchema,
    routing: {
      type: 'object',
      properties: {
        router: {
          type: 'object',
          properties: { use: text, settings: { type: 'object', properties: { groups: groupsSchema } } },
        },
      },
    },
    hooks: {
      type: 'object',
      properties: { on_startup: { type: 'object', properties: { preload: list } } },
    },
    peers: { type: 'object', additionalProperties: peerSchema },
    healthCheckTimeout: whole,
    globalTTL: { type: 'integer', minimum: 0 },
    unloadTimeout: { type: 'integer', minimum: 0 },
  },
} as const;

/** A configuration with its macros replaced. */
export type Configuration = FromSchema<typeof configurationSchema>;
/** A model. */
export type SwapModel = FromSchema<typeof modelSchema>;
/** Models that swap, or stay together. */
export type SwapGroup = FromSchema<typeof groupSchema>;
/** A server elsewhere. */
export type SwapPeer = FromSchema<typeof peerSchema>;
/** Changes of requests. */
export type SwapFilters = FromSchema<typeof filters>;
