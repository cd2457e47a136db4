// Asks a ready llama-server for its capabilities.
import { templateFeatures, type Context, type ServerInfo, type StartedServer } from '@lamina/core/plugin';
import { prepareAdapters } from './adapters.js';

/** The used parts of `/props`; older builds leave some out (tools/server/README.md). */
interface Props {
  readonly default_generation_settings?: { readonly n_ctx?: number };
  readonly total_slots?: number;
  readonly modalities?: { readonly vision?: boolean; readonly audio?: boolean; readonly video?: boolean };
  readonly chat_template?: string;
  readonly chat_template_caps?: { readonly supports_tools?: boolean };
}

type Modality = NonNullable<ServerInfo['modalities']>[number];

/** The routes that every llama-server has. */
export const commonEndpoints = [
  'chat/completions',
  'chat/completions/input_tokens',
  'completions',
  'responses',
  'responses/input_tokens',
  'messages',
  'messages/count_tokens',
] as const;

/**
 * Routes that exist only when they are enabled, each with the smallest request; an error means that it is disabled.
 */
const optional = [
  ['embeddings', { input: 'a' }],
  ['rerank', { query: 'a', documents: ['a'] }],
] as const;

/**
 * The capabilities of a ready server: context length, parallel requests, modalities, routes and adapters.
 */
export async function inspect(server: StartedServer, { signal }: Context): Promise<ServerInfo> {
  const ids = await prepareAdapters(server, signal);
  const props = (await server.request('/props', { signal })) as Props;
  const { n_ctx: contextLength } = props.default_generation_settings ?? {};
  const { total_slots: parallel, chat_template_caps: template, chat_template: text } = props;
  const modalities = modalitiesOf(props);
  return {
    modalities,
    endpoints: await endpointsOf(server, modalities, signal),
    ...(Object.keys(ids).length === 0 ? {} : { ids }),
    ...(contextLength === undefined ? {} : { contextLength }),
    ...(parallel === undefined ? {} : { parallel }),
    // The capabilities of the template do not depend on whether Jinja renders it.
    ...(template?.supports_tools === undefined
      ? {}
      : { tools: template.supports_tools && server.options['jinja'] !== false }),
    ...(text === undefined ? {} : { reasoning: templateFeatures(text).reasoning }),
  };
}

function modalitiesOf({ modalities = {} }: Props): Modality[] {
  const { vision, audio, video } = modalities;
  return [
    'text',
    ...(vision === true ? (['image'] as const) : []),
    ...(audio === true ? (['audio'] as const) : []),
    ...(video === true ? (['video'] as const) : []),
  ];
}

async function endpointsOf(
  server: StartedServer,
  modalities: readonly Modality[],
  signal: AbortSignal,
): Promise<string[]> {
  const switchedOn: string[] = [];
  for (const [route, body] of optional) if (await responds(server, route, body, signal)) switchedOn.push(route);
  return [...commonEndpoints, ...switchedOn, ...(modalities.includes('audio') ? ['audio/transcriptions'] : [])];
}

async function responds(server: StartedServer, route: string, body: object, signal: AbortSignal): Promise<boolean> {
  try {
    await server.request(`/v1/${route}`, { method: 'POST', body, signal });
    return true;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
