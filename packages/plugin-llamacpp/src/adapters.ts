// LoRA adapters: they share the process of their base and are off until a request names one.
import { LaminaError, type JsonObject, type Model, type ServerInfo, type StartedServer } from '@lamina/core/plugin';
import { fileOf } from './files.js';

/** Routes where llama-server reads the field `lora`; others ignore it silently (seen with 0.7.0). */
const routesWithAdapters: readonly string[] = ['chat/completions', 'completions', 'responses'];
/** Routes whose response does not depend on adapters. */
const routesWithoutWeights: readonly string[] = [
  'chat/completions/input_tokens',
  'responses/input_tokens',
  'messages/count_tokens',
];

/**
 * Switches every adapter off and returns the id of each. llama-server starts with all of them on, even with
 * `--lora-init-without-apply`, and would apply them all to a request that names none (seen with 0.7.0).
 */
export async function prepareAdapters(
  { adapters, request }: Pick<StartedServer, 'adapters' | 'request'>,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  if (adapters.length === 0) return {};
  await request('/lora-adapters', { method: 'POST', body: [], signal });
  const loaded = (await request('/lora-adapters', { signal })) as readonly { id: number; path: string }[];
  return Object.fromEntries(
    adapters.flatMap((adapter) => {
      const found = loaded.find(({ path }) => path === fileOf(adapter, 'adapter'));
      return found === undefined ? [] : [[adapter.name, String(found.id)]];
    }),
  );
}

/**
 * Adds the requested adapter with its scale; returns the body of any other model unchanged.
 * @throws LaminaError `NOT_SUPPORTED` when llama-server cannot apply an adapter on this route
 */
export function applyAdapter(
  body: JsonObject,
  { model, route, info }: { model: Model; route: string; info: ServerInfo },
): JsonObject {
  if (model.base === undefined) return body;
  const named = { ...body, model: model.name };
  if (routesWithoutWeights.includes(route)) return named;
  const { ids = {} } = info;
  const id = Object.hasOwn(ids, model.name) ? ids[model.name] : undefined;
  if (id === undefined)
    throw unsupported(
      `The adapter "${model.name}" was not loaded with its base "${model.base}"; stop the base, and the next request loads both.`,
      model,
    );
  if (!routesWithAdapters.includes(route))
    throw unsupported(
      `llama-server does not apply adapters on /v1/${route}; use /v1/chat/completions for "${model.name}".`,
      model,
    );
  return { ...named, lora: [{ id: Number(id), scale: scaleOf(model) }] };
}

function scaleOf({ options }: Model): number {
  return typeof options['lora_scale'] === 'number' ? options['lora_scale'] : 1;
}

function unsupported(message: string, model: Model): LaminaError {
  return new LaminaError('NOT_SUPPORTED', { message, model: model.name });
}
