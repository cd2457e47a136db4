// Errors of requests, in the format of OpenAI's API.

/** An error in a request. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
    private readonly about: {
      readonly type?: string;
      readonly code?: string;
      readonly param?: string;
      readonly details?: object;
    } = {},
  ) {
    super(message);
  }

  get body(): object {
    const { type = 'invalid_request_error', ...rest } = this.about;
    return { error: { message: this.message, type, ...rest } };
  }
}

/** The error for a parameter that this engine does not support. */
export function unsupported(message: string, param: string): RequestError {
  return new RequestError(400, message, { code: 'unsupported_parameter', param });
}

/** The error for a prompt that leaves no tokens for a response. */
export function tooLong(promptTokens: number, contextLength: number): RequestError {
  const message = `The prompt has ${promptTokens} tokens and the context has ${contextLength}. Shorten the prompt, or raise context_length.`;
  return new RequestError(400, message, {
    code: 'context_length_exceeded',
    details: { prompt_tokens: promptTokens, context_length: contextLength },
  });
}

/** The status and body of an error response. */
export function errorResponse(error: unknown): { readonly status: number; readonly body: object } {
  if (error instanceof RequestError) return { status: error.status, body: error.body };
  const message = `The engine failed: ${error instanceof Error ? error.message : String(error)}`;
  return { status: 500, body: { error: { message, type: 'server_error', code: 'engine_failed' } } };
}
