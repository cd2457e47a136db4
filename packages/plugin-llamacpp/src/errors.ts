// Converts the errors of llama-server to those of OpenAI.
import type { WireError } from '@lamina/core/plugin';

/**
 * A request too long for the context, as `context_length_exceeded` with the numbers; `undefined` for every other error.
 */
export function readError(_status: number, body: Buffer): WireError | undefined {
  const error = parse(body)?.error;
  if (error?.type !== 'exceed_context_size_error' || typeof error.message !== 'string') return undefined;
  const { message, n_prompt_tokens, n_ctx } = error;
  return {
    message,
    type: 'invalid_request_error',
    code: 'context_length_exceeded',
    details: { prompt_tokens: n_prompt_tokens, context_length: n_ctx },
  };
}

function parse(body: Buffer): { error?: Record<string, unknown> } | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as { error?: Record<string, unknown> };
  } catch {
    return undefined;
  }
}
