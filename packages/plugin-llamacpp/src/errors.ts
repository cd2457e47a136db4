// Converts the errors of llama-server to those of OpenAI, and its flags to the options of Lamina.
import { LaminaError, type Model, type WireError } from '@lamina/core/plugin';
import { fileOf } from './files.js';

/** An error of llama-server, as far as it is read. */
interface EngineError {
  readonly message?: unknown;
  readonly type?: unknown;
  readonly n_prompt_tokens?: unknown;
  readonly n_ctx?: unknown;
}

/**
 * A request too long for the context, as `context_length_exceeded` with the numbers; features that are switched off or
 * that the model lacks, as `NOT_SUPPORTED` with the option to set, because llama-server responds to some of them with
 * 500, after which clients repeat the request. `undefined` for every other error. The texts are those of 0.7.0.
 */
export function readError(
  status: number,
  body: Buffer,
  { model, route }: { model: Model; route: string },
): WireError | LaminaError | undefined {
  const error = parse(body)?.error;
  if (typeof error?.message !== 'string') return undefined;
  // It says the same of every path that it does not have.
  if (status === 404)
    return { message: `llama-server has no route ${route}.`, type: 'not_found_error', code: 'not_found' };
  return tooLong(error) ?? tooLargeForBatch(error.message, model) ?? notSupported(error.message, model);
}

function tooLong({ type, n_prompt_tokens, n_ctx }: EngineError): WireError | undefined {
  if (type !== 'exceed_context_size_error') return undefined;
  return {
    message: `The request has ${String(n_prompt_tokens)} tokens and the context has ${String(n_ctx)}. Shorten it, or raise the option "context_length".`,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    details: { prompt_tokens: n_prompt_tokens, context_length: n_ctx },
  };
}

/** An input for embeddings or reranking. */
function tooLargeForBatch(text: string, model: Model): LaminaError | undefined {
  const [, tokens, size] = /input \((\d+) tokens\) is too large.*batch size: (\d+)/.exec(text) ?? [];
  if (tokens === undefined) return undefined;
  return new LaminaError('REQUEST_INVALID', {
    message: `An input has ${tokens} tokens; model "${ownerOf(model)}" accepts ${size!}. Shorten it, or raise the option "ubatch_size".`,
    param: 'input',
  });
}

/** What llama-server says → what to do. */
const advice: readonly [RegExp, (model: Model, match: readonly string[]) => string][] = [
  [
    /does not support embeddings/,
    (model) => `does not serve embeddings. ${set('embeddings: true', model)}, and "pooling" if its file names none.`,
  ],
  [/does not support reranking/, (model) => `does not serve reranking. ${set('rerank: true', model)}.`],
  [
    /Pooling type 'none'/,
    (model) => `has no pooling type, which embeddings need. ${set('pooling', model)} to mean, cls or last.`,
  ],
  [/requires --jinja/, (model) => `does not support tools. ${set('jinja: true', model)}.`],
  [
    /(image|audio|video) input is not supported|does not support (audio) input/,
    (model, [, medium, other]) => `does not support ${medium ?? other!} input. ${projectorAdvice(model)}`,
  ],
];

function notSupported(text: string, model: Model): LaminaError | undefined {
  for (const [pattern, explain] of advice) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const message = `Model "${ownerOf(model)}" ${explain(model, match)}`;
    return new LaminaError('NOT_SUPPORTED', { message, model: model.name });
  }
  return undefined;
}

function set(option: string, { base }: Model): string {
  return `Set "${option}" in ${base === undefined ? 'its options' : 'the options of this base'}`;
}

function projectorAdvice(model: Model): string {
  if (fileOf(model, 'projector') === undefined)
    return 'Set the path of its multimodal projector (mmproj) as "projector" in the manifest, or use another model.';
  if (model.options['projector'] === false) return `${set('projector: true', model)}.`;
  return 'Its multimodal projector does not either. Use another model.';
}

/** The model whose options apply: an adapter shares the process of its base. */
function ownerOf({ base, name }: Model): string {
  return base ?? name;
}

function parse(body: Buffer): { error?: EngineError } | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as { error?: EngineError };
  } catch {
    return undefined;
  }
}
