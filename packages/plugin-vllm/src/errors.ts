// Converts the errors of vLLM to those of OpenAI.
import type { WireError } from '@lamina/core/plugin';

/**
 * A prompt too long for the context becomes `context_length_exceeded` with its numbers; `undefined` for every other
 * error.
 */
export function readError(status: number, body: Buffer): WireError | undefined {
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
