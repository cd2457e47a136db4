// Converts the errors of vLLM to those of OpenAI.
import { LaminaError, type Model, type WireError } from '@lamina/core/plugin';

/** Routes that vLLM has only for models that it runs with `--runner pooling`. */
const poolingRoutes: readonly string[] = ['embeddings', 'rerank', 'score', 'classify', 'pooling'];
/** Routes that it has only for the others. */
const textRoutes: readonly string[] = ['chat/completions', 'completions', 'responses', 'messages'];

/**
 * A prompt too long for the context becomes `context_length_exceeded` with its numbers, a route that vLLM lacks because
 * of the runner of the model `NOT_SUPPORTED` with the option; `undefined` for every other error.
 */
export function readError(
  status: number,
  body: Buffer,
  about: { model: Model; route: string },
): WireError | LaminaError | undefined {
  return tooLong(status, body) ?? otherRunner(status, body, about);
}

/** Without a runner for it the route does not exist; older releases say that the model does not support its API. */
function otherRunner(
  status: number,
  body: Buffer,
  { model: { name, base = name }, route }: { model: Model; route: string },
): LaminaError | undefined {
  const isMissing = status === 404 && /"(detail|message)":\s*"Not Found"/.test(body.toString('utf8'));
  if (!isMissing && !/does not support .* API/.test(messageOf(body) ?? '')) return undefined;
  const runner = poolingRoutes.includes(route) ? 'pooling' : textRoutes.includes(route) ? 'generate' : undefined;
  if (runner === undefined) return undefined;
  const convert = runner === 'pooling' ? ', and if it is a model for text "convert"' : '';
  const message = `Model "${base}" does not serve ${route}. Set "runner: ${runner}" in its options${convert}.`;
  return new LaminaError('NOT_SUPPORTED', { message, model: name });
}

function tooLong(status: number, body: Buffer): WireError | undefined {
  const message = status === 400 ? messageOf(body) : undefined;
  const limit = /maximum (?:context|model) length (?:is|of) (\d+)/.exec(message ?? '')?.[1];
  if (message === undefined || limit === undefined) return undefined;
  const prompt = /(?:prompt contains(?: at least)?|resulted in) (\d+)/.exec(message)?.[1];
  return {
    message,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    details: { context_length: Number(limit), ...(prompt === undefined ? {} : { prompt_tokens: Number(prompt) }) },
  };
}

/** Releases before 0.10 had the message at the top. */
function messageOf(body: Buffer): string | undefined {
  try {
    const json = JSON.parse(body.toString('utf8')) as { error?: { message?: unknown }; message?: unknown };
    const message = json.error?.message ?? json.message;
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}
