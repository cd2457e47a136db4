// Errors in the shape of OpenAI's API.
/* eslint-disable no-restricted-syntax -- the API has null where there is no value */
import { LaminaError, type ErrorCode, type WireError } from '@lamina/core/plugin';

/** Codes of Lamina → those of OpenAI, which clients compare with. Other codes stay as they are. */
const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  UNAUTHORIZED: 'invalid_api_key',
  MODEL_NOT_FOUND: 'model_not_found',
  QUEUE_FULL: 'rate_limit_exceeded',
  RATE_LIMITED: 'rate_limit_exceeded',
  INTERNAL: 'server_error',
};

/** An error of the request. `param` is the field, such as `input[0].content`; `code` a code of OpenAI's API. */
export function invalid(message: string, param: string, code?: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message, param, ...(code === undefined ? {} : { code }) });
}

/** The body of an error response. */
export function errorBody(error: WireError): object {
  const { message, type, param = null } = error;
  return { error: { message, type, param, code: codeOf(error) } };
}

/** `error` of a response that failed after it had begun. */
export function responseError(error: WireError): object {
  const code = error.type === 'server_error' ? error.type : (codeOf(error) ?? error.type);
  return { code, message: error.message };
}

function codeOf({ code, details }: WireError): unknown {
  return code === 'REQUEST_INVALID' ? (details?.['code'] ?? null) : (codes[code as ErrorCode] ?? code);
}
