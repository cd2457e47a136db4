// Asks a ready engine for its capabilities.
import type { Context, ServerInfo, StartedServer } from '@lamina/core/plugin';
import type { EngineFacts } from './server/routes.js';

/** Its context, parallel requests, routes, and whether the template of the model supports tools. */
export async function inspect({ request }: StartedServer, { signal }: Context): Promise<ServerInfo> {
  const { data } = (await request('/v1/models', { signal })) as { data: readonly [{ meta: EngineFacts }] };
  const { context_length, parallel, endpoints, tools } = data[0].meta;
  return { contextLength: context_length, parallel, endpoints, tools, modalities: ['text'] };
}
