// Adds the sampling parameters and the system prompt of an Ollama model to requests that do not set them.
import type { InferenceRequest, Json, JsonObject, ModelRecord, Models } from '@lamina/core/plugin';
import { requestFields } from './parameters.js';

/** The request defaults of an Ollama model. */
export interface RequestDefaults {
  readonly parameters?: JsonObject;
  readonly system?: string;
}

const generationRoutes = ['chat/completions', 'completions', 'responses'];

/**
 * The request with the defaults of the model that answers it, from the manifest entry or the store; `undefined` when
 * nothing is added.
 */
export function applyDefaults(
  request: InferenceRequest,
  models: Pick<Models, 'get' | 'list'>,
  adopted: ReadonlyMap<string, RequestDefaults>,
): InferenceRequest | undefined {
  const { route } = request;
  if (!generationRoutes.includes(route)) return undefined;
  const named = recordOf(request.model, models);
  const record = named?.model.of === undefined ? named : recordOf(named.model.of, models);
  const defaults =
    record === undefined
      ? undefined
      : record.model.from === 'adopted'
        ? adopted.get(record.model.name)
        : writtenIn(record.entry.download);
  const json = defaults === undefined ? undefined : request.json; // Reading it parses the body.
  if (defaults === undefined || json === undefined) return undefined;
  const missing = Object.entries(requestFields(defaults.parameters ?? {})).filter(
    ([field]) => !hasField(json, route, field),
  );
  const messages = withSystem(json['messages'], defaults.system);
  if (missing.length === 0 && messages === undefined) return undefined;
  return {
    ...request,
    json: { ...Object.fromEntries(missing), ...json, ...(messages === undefined ? {} : { messages }) },
  };
}

function recordOf(name: string, models: Pick<Models, 'get' | 'list'>): ModelRecord | undefined {
  return models.get(name) ?? models.list().find(({ model }) => model.aliases.includes(name));
}

function writtenIn(download: unknown): RequestDefaults | undefined {
  const written = (download as { ollama?: unknown } | undefined)?.ollama;
  return typeof written === 'object' && written !== null ? (written as RequestDefaults) : undefined;
}

/** The newer names of `max_tokens` count too; `responses` has no `stop`. */
function hasField(json: JsonObject, route: string, field: string): boolean {
  if (field === 'stop' && route === 'responses') return true;
  const names =
    field === 'max_tokens' ? ['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'n_predict'] : [field];
  return names.some((name) => json[name] !== undefined && json[name] !== null);
}

function withSystem(messages: Json | undefined, system: string | undefined): Json[] | undefined {
  if (!Array.isArray(messages) || system === undefined || system === '') return undefined;
  const own = (messages as readonly ({ readonly role?: Json } | undefined)[]).some(
    (message) => message?.role === 'system' || message?.role === 'developer',
  );
  return own ? undefined : [{ role: 'system', content: system }, ...(messages as readonly Json[])];
}
