// What a request can get wrong, in the shape OpenAI's clients read.

/** A request that cannot be answered, and why. */
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

/** A request that asks for what this engine cannot do. */
export function unsupported(message: string, param: string): RequestError {
  return new RequestError(400, message, { code: 'unsupported_parameter', param });
}

/** A prompt that leaves no room for an answer. */
export function tooLong(promptTokens: number, contextLength: number): RequestError {
  const message = `The prompt has ${promptTokens} tokens and the context ${contextLength}: shorten it, or give the model a longer context_length.`;
  return new RequestError(400, message, {
    code: 'context_length_exceeded',
    details: { prompt_tokens: promptTokens, context_length: contextLength },
  });
}

/** Any error as the body and status of an answer. */
export function answerTo(error: unknown): { readonly status: number; readonly body: object } {
  if (error instanceof RequestError) return { status: error.status, body: error.body };
  const message = `The engine failed: ${error instanceof Error ? error.message : String(error)}`;
  return { status: 500, body: { error: { message, type: 'server_error', code: 'engine_failed' } } };
}
