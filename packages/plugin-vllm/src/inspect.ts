// Asks a ready vLLM for its capabilities.
import type { Context, ServerInfo, StartedServer } from '@lamina/core/plugin';

interface ModelList {
  readonly data: readonly { readonly id: string; readonly max_model_len?: number }[];
}

/** Its context length, the routes that its kind of model has, and whether it reads tool calls and reasoning. */
export async function inspect({ options, request }: StartedServer, { signal }: Context): Promise<ServerInfo> {
  const { data } = (await request('/v1/models', { signal })) as ModelList;
  const contextLength = data[0]?.max_model_len;
  const endpoints = await routesOf(request, signal);
  return {
    tools: options['tool_call_parser'] !== undefined,
    ...(options['reasoning_parser'] === undefined ? {} : { reasoning: true }),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(endpoints === undefined ? {} : { endpoints }),
    ...(typeof options['max_num_seqs'] === 'number' ? { parallel: options['max_num_seqs'] } : {}),
  };
}

/** vLLM has only the routes that fit the model, and lists them in its OpenAPI document. */
async function routesOf(request: StartedServer['request'], signal: AbortSignal): Promise<string[] | undefined> {
  const { paths } = (await request('/openapi.json', { signal })) as { paths?: Record<string, unknown> };
  return paths && Object.keys(paths).flatMap((path) => /^\/v1\/([a-z_/]+)$/.exec(path)?.[1] ?? []);
}
