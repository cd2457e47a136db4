// Asks a ready engine for its capabilities.
import { templateFeatures, type Context, type ServerInfo, type StartedServer } from '@lamina/core/plugin';
import type { ModelOptions } from './options.js';
import type { EngineFacts } from './server/routes.js';

/** Its context, parallel requests, routes, and whether the template of the model supports tools and reasoning. */
export async function inspect({ model, options, request }: StartedServer, { signal }: Context): Promise<ServerInfo> {
  const { data } = (await request('/v1/models', { signal })) as { data: readonly [{ meta: EngineFacts }] };
  const { context_length, parallel, endpoints, tools } = data[0].meta;
  const template = (options as ModelOptions).chat_template ?? model.metadata?.chatTemplate;
  return {
    contextLength: context_length,
    parallel,
    endpoints,
    tools,
    modalities: ['text'],
    ...(template === undefined ? {} : { reasoning: templateFeatures(template).reasoning }),
  };
}
