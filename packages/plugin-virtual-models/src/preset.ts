// Presets in models.yaml: the keys that the plugin adds to entries, and the entries that have them.
import type { JsonObject, ModelEntry, Schema } from '@lamina/core/plugin';

/** The keys of entries under `models:`. */
export const entryKeys = {
  of: {
    type: 'string',
    minLength: 1,
    format: 'model',
    description: 'The model that answers: makes the entry a virtual model, without files and a server of its own.',
  },
  system: { type: 'string', minLength: 1, description: 'The system prompt of chats that have none.' },
  parameters: {
    type: 'object',
    description: 'Fields of requests that do not set them, such as `temperature`.',
  },
  template_kwargs: {
    type: 'object',
    description: 'Variables of the chat template that requests do not set, such as `enable_thinking`.',
  },
  fallback: {
    type: 'array',
    items: { type: 'string', minLength: 1, format: 'model' },
    description: 'Models that get the requests, in this order, when the model cannot start.',
  },
} as const satisfies Readonly<Record<string, Schema>>;

/** What an entry says about its requests. */
export interface Preset {
  readonly of?: string;
  readonly system?: string;
  readonly parameters?: JsonObject;
  readonly template_kwargs?: JsonObject;
  readonly fallback?: readonly string[];
}

/** The entries with keys of the plugin, by name and alias. Lamina has checked their values. */
export function presetsIn(models: Readonly<Record<string, ModelEntry>>): ReadonlyMap<string, Preset> {
  const keys = Object.keys(entryKeys);
  return new Map(
    Object.entries(models)
      .filter(([, entry]) => keys.some((key) => Object.hasOwn(entry, key)))
      .flatMap(([name, entry]) => [name, ...(entry.aliases ?? [])].map((each) => [each, entry as Preset] as const)),
  );
}
