// The sampling options of a request, with the defaults of llama-server.
import type { GenerateOptions, Model, NodeLlamaCpp } from './binding.js';
import { tooLong } from './errors.js';
import { checkTokens } from './tokens.js';
import type { GenerationRequest } from './requests.js';

/** The library needs a few free tokens at the end, or it drops the first ones. */
const spareTokens = 4;

/** What is known before a request is computed. */
export interface Generation {
  readonly request: GenerationRequest & { readonly max_completion_tokens?: number };
  readonly promptTokens: number;
  readonly contextLength: number;
  readonly signal: AbortSignal;
}

/**
 * The options of a generation. Never more tokens than the context has left: nothing of a conversation is dropped
 * silently.
 * @throws RequestError `context_length_exceeded`
 */
export function generateOptions(
  { request, promptTokens, contextLength, signal }: Generation,
  { TokenBias }: NodeLlamaCpp,
  model: Model,
): GenerateOptions {
  const left = contextLength - promptTokens - spareTokens;
  if (left < 1) throw tooLong(promptTokens, contextLength);
  const { temperature = 0.8, top_k = 40, top_p = 0.95, min_p = 0.05, seed, stop, logit_bias } = request;
  const wanted = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const stops = (typeof stop === 'string' ? [stop] : (stop ?? [])).filter((text) => text !== '');
  return {
    signal,
    maxTokens: Math.min(wanted, left),
    temperature,
    topK: top_k,
    topP: top_p,
    minP: min_p,
    repeatPenalty: penaltyOf(request),
    ...(seed === undefined ? {} : { seed: seed >>> 0 }),
    ...(stops.length === 0 ? {} : { customStopTriggers: stops }),
    ...(logit_bias === undefined ? {} : { tokenBias: biasOf(logit_bias, new TokenBias(model.tokenizer), model) }),
  };
}

/** The options of one of several choices: with a seed, each has its own. */
export function forChoice<T extends GenerateOptions>(options: T, choice: number): T {
  return options.seed === undefined ? options : { ...options, seed: (options.seed + choice) >>> 0 };
}

function penaltyOf({
  repeat_penalty = 1,
  frequency_penalty = 0,
  presence_penalty = 0,
}: GenerationRequest): GenerateOptions['repeatPenalty'] {
  if (repeat_penalty === 1 && frequency_penalty === 0 && presence_penalty === 0) return false;
  return { penalty: repeat_penalty, frequencyPenalty: frequency_penalty, presencePenalty: presence_penalty };
}

/** OpenAI's -100 forbids a token. */
function biasOf(
  biases: Readonly<Record<string, number>>,
  bias: InstanceType<NodeLlamaCpp['TokenBias']>,
  model: Model,
): unknown {
  checkTokens(Object.keys(biases).map(Number), model, 'logit_bias');
  for (const [token, value] of Object.entries(biases))
    bias.set(Number(token), value <= -100 ? 'never' : { logit: value });
  return bias;
}
