// Runs the chat of a request, and converts its answer and its errors.
import { LaminaError, type ChatRequest } from '@lamina/core/plugin';
import type { HttpContext } from '@lamina/server-koa';
import { messageEvents } from './answer.js';
import type { MessageEvent } from './message.js';

/**
 * The events of the answer to a chat.
 * @throws LaminaError what `ctx.lamina.chat` throws; `REQUEST_INVALID` for what the model or its engine does not support
 */
export async function* answerEvents(ctx: HttpContext, request: ChatRequest): AsyncGenerator<MessageEvent, void> {
  try {
    yield* events(ctx, request);
  } catch (error) {
    if (isLimitRefused(error, request)) yield* events(ctx, { ...request, max_tokens: undefined });
    else throw isUnsupported(error) ? new LaminaError('REQUEST_INVALID', { message: error.message }) : error;
  }
}

function events(ctx: HttpContext, request: ChatRequest): AsyncGenerator<MessageEvent, void> {
  const { model } = request;
  return messageEvents(ctx.lamina.chat(request, { id: ctx.id }), { id: `msg_${ctx.id}`, model });
}

/**
 * Whether an engine refuses a prompt that fits, because prompt and `max_tokens` together do not. Clients send the largest
 * answer of Anthropic's models; without a limit, engines end the answer where the context ends.
 */
function isLimitRefused(error: unknown, { max_tokens }: ChatRequest): boolean {
  if (max_tokens === undefined || !LaminaError.is(error, 'ENGINE_REFUSED')) return false;
  const { code, details = {} } = error.toWire();
  const { prompt_tokens: tokens, context_length: context } = details;
  return code === 'context_length_exceeded' && !(Number(tokens) >= Number(context));
}

/** Such as an image for a model that reads text. Anthropic answers 400; clients repeat requests that fail with 501. */
function isUnsupported(error: unknown): error is LaminaError {
  return LaminaError.is(error) && error.status === 501;
}
