// Adds the preset of a model to a request: what the request sets itself wins.
import type { InferenceRequest, Json, JsonObject } from '@lamina/core/plugin';
import type { Preset } from './preset.js';

/** The route that counts the tokens of a request of Anthropic's API. */
const countRoute = 'messages/count_tokens';
const chatRoutes: ReadonlySet<string> = new Set(['chat/completions', 'responses', 'messages', countRoute]);

/** The names that APIs and engines have for the longest answer. */
const lengthFields = ['max_tokens', 'max_completion_tokens', 'max_output_tokens', 'n_predict'];

/** The request with the preset of its model; `undefined` when nothing is added. */
export function applyPreset(request: InferenceRequest, preset: Preset): InferenceRequest | undefined {
  const { fallback } = preset;
  const added = addedFields(request, preset);
  if (added === undefined && fallback === undefined) return undefined;
  return {
    ...request,
    ...(added === undefined ? {} : { json: { ...request.json, ...added } }),
    ...(fallback === undefined ? {} : { fallbacks: fallback }),
  };
}

/** The members of the body that the preset adds or changes; `undefined` when there are none, or the body is not JSON. */
function addedFields(request: InferenceRequest, preset: Preset): JsonObject | undefined {
  const { system, parameters, template_kwargs: variables } = preset;
  if ((system ?? parameters ?? variables) === undefined) return undefined; // Reading the JSON parses the body.
  const { json, route } = request;
  if (json === undefined) return undefined;
  const isChat = chatRoutes.has(route);
  const added = {
    ...missingParameters(json, route, parameters),
    ...(isChat && system !== undefined ? systemPrompt(json, route, system) : {}),
    ...(isChat && variables !== undefined ? templateVariables(json, variables) : {}),
  };
  return Object.keys(added).length === 0 ? undefined : added;
}

function missingParameters(json: JsonObject, route: string, parameters: JsonObject = {}): JsonObject {
  const hasLength = lengthFields.some((field) => isSet(json[field]));
  const missing = Object.entries(parameters).flatMap(([field, value]) => {
    if (!lengthFields.includes(field)) return isSet(json[field]) ? [] : [[field, value]];
    return hasLength ? [] : [[route === 'responses' ? 'max_output_tokens' : field, value]];
  });
  return Object.fromEntries(missing) as JsonObject;
}

/** The member that holds the system prompt, when the request has no prompt of its own. */
function systemPrompt(json: JsonObject, route: string, system: string): JsonObject {
  const list = route === 'responses' ? json['input'] : json['messages'];
  const messages: readonly Json[] = Array.isArray(list) ? (list as readonly Json[]) : [];
  if (messages.some(isSystemMessage)) return {};
  if (route === 'chat/completions') return { messages: [{ role: 'system', content: system }, ...messages] };
  const member = route === 'responses' ? 'instructions' : 'system';
  return isSet(json[member]) ? {} : { [member]: system };
}

function isSystemMessage(message: Json): boolean {
  const role = typeof message === 'object' && message !== null && 'role' in message ? message['role'] : undefined;
  return role === 'system' || role === 'developer';
}

function templateVariables(json: JsonObject, variables: JsonObject): JsonObject {
  const own = json['chat_template_kwargs'] ?? {};
  if (typeof own !== 'object' || Array.isArray(own)) return {}; // The engine refuses it.
  return { chat_template_kwargs: { ...variables, ...own } };
}

function isSet(value: Json | undefined): boolean {
  return value !== undefined && value !== null;
}
