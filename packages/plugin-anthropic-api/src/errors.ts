// Errors in the form of Anthropic's API.
import type { WireError } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';

/** Status → type, where it is not the same as Lamina's. */
const typeByStatus: ReadonlyMap<number, string> = new Map([
  [413, 'request_too_large'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

/** Types that both have. */
const sharedTypes: readonly string[] = [
  'invalid_request_error',
  'authentication_error',
  'permission_error',
  'not_found_error',
  'rate_limit_error',
];

/** The id of a request, in the header `request-id` and in errors. */
export function requestId({ id }: Pick<HttpContext, 'id'>): string {
  return `req_${id}`;
}

/**
 * The body of an error response, or the data of an error in a stream, whose status is already 200. `code` and `details`
 * are Lamina's.
 */
export function errorBody(error: WireError, ctx: HttpContext, status = ctx.koa.status): object {
  const type = typeByStatus.get(status) ?? (sharedTypes.includes(error.type) ? error.type : 'api_error');
  return { type: 'error', error: { ...error, type, message: messageOf(error) }, request_id: requestId(ctx) };
}

/** Coding agents recognise these words, and read the numbers to know by how much they must shorten the conversation. */
function messageOf({ code, message, details }: WireError): string {
  if (code !== 'context_length_exceeded') return message;
  const { prompt_tokens: tokens, context_length: maximum } = details ?? {};
  const numbers = typeof tokens === 'number' && typeof maximum === 'number';
  return numbers
    ? `prompt is too long: ${tokens} tokens > ${maximum} maximum. ${message}`
    : `prompt is too long: ${message}`;
}
