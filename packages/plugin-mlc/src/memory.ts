// What a model needs on MLC-LLM, where its mode and its device say so.
import { fileBytes, type MemoryEstimate, type Model } from '@lamina/core/plugin';
import { localTokens } from './inspect.js';
import type { ModelOptions } from './options.js';

const gibibyte = 1024 ** 3;

/** The process with TVM, and its work space. Estimates, not measured. */
const processBytes = gibibyte;
const workBytes = gibibyte;

/**
 * Weights, and the keys and values of the tokens that the mode allows. `undefined` with the mode `server`, which fills
 * the device, on several devices, with a draft or embedding model, and where the device is not known before the start.
 */
export function estimateMemory(model: Model, options: ModelOptions): Promise<MemoryEstimate | undefined> {
  const device = /^(cpu|metal|cuda)(?::(\d+))?$/.exec(options.device ?? 'auto');
  const tokens = tokensOf(model, options);
  const kvBytes = tokens === undefined ? undefined : kvBytesOf(model, tokens);
  if (device === null || kvBytes === undefined || isDivided(model, options)) return Promise.resolve(undefined);
  const bytes = fileBytes(model, 'weights') + kvBytes + workBytes;
  const [, kind, index = '0'] = device;
  const contextLength = options.context_window_size ?? model.metadata?.contextLength ?? tokens!;
  return Promise.resolve({
    hostBytes: processBytes + (kind === 'cuda' ? 0 : bytes), // Metal's memory is that of the system.
    deviceBytes: kind === 'cuda' ? { [`CUDA${index}`]: bytes } : {},
    contextLength: Math.min(contextLength, tokens!),
  });
}

/** The tokens of all requests together (cpp/serve/config.cc). */
function tokensOf(
  { metadata }: Model,
  { mode = 'local', max_total_seq_length, context_window_size }: ModelOptions,
): number | undefined {
  if (mode === 'server') return undefined;
  return max_total_seq_length ?? (mode === 'local' ? localTokens : (context_window_size ?? metadata?.contextLength));
}

/** Keys and values of 16 bits. */
function kvBytesOf({ metadata }: Model, tokens: number): number | undefined {
  const { layers, kvHeads, keyLength, valueLength } = metadata ?? {};
  if (layers === undefined || kvHeads === undefined || keyLength === undefined || valueLength === undefined)
    return undefined;
  return 2 * layers * kvHeads * (keyLength + valueLength) * tokens;
}

function isDivided(
  { files }: Model,
  { tensor_parallel_shards = 1, pipeline_parallel_stages = 1, embedding_model }: ModelOptions,
): boolean {
  const hasDraft = files.some(({ role }) => role === 'draft');
  return tensor_parallel_shards * pipeline_parallel_stages > 1 || embedding_model !== undefined || hasDraft;
}
