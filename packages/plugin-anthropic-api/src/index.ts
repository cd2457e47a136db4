// The plugin `anthropic-api`: Anthropic's Messages API for every engine that can chat.
import { definePlugin, LaminaError } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { wholeMessage } from './answer.js';
import { answerEvents } from './chat.js';
import { chatRequest } from './chat-request.js';
import { errorBody, requestId } from './errors.js';
import { listModels, retrieveModel } from './model-list.js';
import { requestSchema, type MessagesRequest } from './request.js';
import { estimateTokens } from './token-estimate.js';

/** The options of `anthropicApi()`. */
export const optionsSchema = {
  type: 'object',
  properties: {
    translate: {
      enum: ['missing', 'always'],
      description:
        'Which requests are translated to chat completions: those for engines that lack the route, or `always` all of them.',
      default: 'missing',
    },
  },
  additionalProperties: false,
} as const;

/**
 * Serves `/v1/messages`, `/v1/messages/count_tokens` and, for Anthropic's clients, `/v1/models`. An engine that has the
 * Messages API itself answers itself, unless the option `translate` is `always`.
 * @example
 * ```ts
 * import { anthropicApi } from '@lamina/plugin-anthropic-api';
 *
 * const plugin = anthropicApi({ translate: 'always' });
 * ```
 */
export const anthropicApi = definePlugin({
  name: 'anthropic-api',
  options: optionsSchema,
  setup(lamina, { translate = 'missing' }) {
    /** A route that translates, where the engine does not have it. */
    const translated = (
      route: string,
      summary: string,
      run: (ctx: HttpContext, request: MessagesRequest) => unknown,
    ): HttpRoute[] => {
      const handler = async (ctx: HttpContext): Promise<unknown> => {
        ctx.koa.set('request-id', requestId(ctx));
        const request = ctx.body as MessagesRequest;
        const isNative = translate === 'missing' && (await hasRoute(ctx, request.model, route));
        return isNative ? ctx.infer(route, request) : run(ctx, request);
      };
      const options = { method: 'POST', scope: 'inference', summary, body: requestSchema, handler } as const;
      return [`/v1/${route}`, `/${route}`].map((path) => ({ ...options, path }));
    };

    const answer = (ctx: HttpContext, request: MessagesRequest): unknown => {
      const events = answerEvents(ctx, chatRequest(request));
      if (request.stream !== true) return wholeMessage(events);
      return ctx.stream(written(events), {
        as: 'sse',
        onSilence: () => eventOf({ type: 'ping' }),
        onError: (error) => eventOf({ ...errorBody(error, ctx), type: 'error' }),
      });
    };

    const models = { method: 'GET', scope: 'any' } as const;
    lamina.extend('http', {
      errorBody(error, ctx) {
        ctx.koa.set('request-id', requestId(ctx));
        return errorBody(error, ctx);
      },
      routes: [
        ...translated('messages', "Anthropic's Messages API", answer),
        ...translated(
          'messages/count_tokens',
          'The number of tokens of a request for the Messages API',
          (_, request) => ({
            input_tokens: estimateTokens(chatRequest(request)),
          }),
        ),
        {
          ...models,
          path: '/v1/models',
          summary: 'The models, for clients of OpenAI and Anthropic',
          handler: listModels,
        },
        { ...models, path: '/v1/models/*name', summary: 'One model of that list', handler: retrieveModel },
      ],
    });
  },
});

/** Whether the engine of a model has a route itself. Not known for a name that only a hook of another plugin knows. */
async function hasRoute(ctx: HttpContext, model: string, route: string): Promise<boolean> {
  try {
    return await ctx.lamina.runtime.hasRoute(model, route, ctx);
  } catch (error) {
    if (LaminaError.is(error, 'MODEL_NOT_FOUND')) return false;
    throw error;
  }
}

async function* written(events: AsyncIterable<{ readonly type: string }>): AsyncGenerator<string, void> {
  for await (const event of events) yield eventOf(event);
}

/** Clients need the line `event:`. */
function eventOf(data: { readonly type: string }): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}
