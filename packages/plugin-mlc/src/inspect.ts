// The capabilities of a running MLC-LLM. It does not report them over HTTP, so they follow from its mode and options.
import type { ServerInfo, StartedServer } from '@lamina/core/plugin';
import type { ModelOptions } from './options.js';

/** Requests at once, where the mode fixes them (cpp/serve/config.cc). */
const parallelOf = { local: 4, interactive: 1, server: undefined } as const;

/** In the mode `local` all requests share so many tokens, or one context where that is shorter. */
export const localTokens = 8192;

/** Its routes; requests at once and context length, unless MLC-LLM chose them by the memory of the device. */
export function inspect({ model, options }: StartedServer): Promise<ServerInfo> {
  const { mode = 'local', max_num_sequence, embedding_model } = options as ModelOptions;
  const parallel = max_num_sequence ?? parallelOf[mode];
  const contextLength = contextOf(options, model.metadata?.contextLength);
  return Promise.resolve({
    endpoints: ['chat/completions', 'completions', ...(embedding_model === undefined ? [] : ['embeddings'])],
    modalities: ['text'],
    ...(parallel === undefined ? {} : { parallel }),
    ...(contextLength === undefined ? {} : { contextLength }),
  });
}

/** The window of the model, or the tokens of all requests together, whichever is less. */
function contextOf(
  { mode = 'local', context_window_size, max_total_seq_length }: ModelOptions,
  ofModel: number | undefined,
): number | undefined {
  const window = context_window_size ?? ofModel;
  const total = max_total_seq_length ?? (mode === 'local' ? localTokens : undefined);
  return window === undefined || total === undefined ? undefined : Math.min(window, total);
}
