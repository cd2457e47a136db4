// `POST /api/chat`.
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { respond } from './answer.js';
import { ChatReader, type Part } from './chunk-readers.js';
import { generationProperties, inferenceOptions, loadOnly, parametersOf, type GenerationBody } from './inference.js';
import { chatMessages, type OllamaMessage } from './messages.js';
import { requireModel } from './names.js';
import { Timing } from './timing.js';

interface ChatBody extends GenerationBody {
  readonly messages?: readonly OllamaMessage[] | null;
  readonly tools?: readonly object[] | null;
}

const text = { type: 'string' } as const;
const textOrNull = { type: ['string', 'null'] } as const;
const call = {
  type: 'object',
  properties: {
    id: text,
    function: {
      type: 'object',
      properties: { name: text, arguments: { type: ['object', 'string', 'null'] } },
      required: ['name'],
    },
  },
  required: ['function'],
} as const;
const message = {
  type: 'object',
  properties: {
    role: text,
    content: textOrNull,
    thinking: textOrNull,
    images: { type: ['array', 'null'], items: text, description: 'In base64.' },
    tool_calls: { type: ['array', 'null'], items: call },
    tool_name: text,
    tool_call_id: text,
  },
  required: ['role'],
} as const;

/** The route. */
export const chatRoute: HttpRoute = {
  method: 'POST',
  path: '/api/chat',
  scope: 'inference',
  summary: "A chat, in Ollama's API",
  body: {
    type: 'object',
    properties: {
      ...generationProperties,
      messages: { type: ['array', 'null'], items: message, description: 'None: the model is loaded.' },
      tools: { type: ['array', 'null'], items: { type: 'object' } },
    },
    required: ['model'],
  },
  handler: chat,
};

async function chat(ctx: HttpContext): Promise<unknown> {
  const timing = new Timing();
  const body = ctx.body as ChatBody;
  const { messages, tools } = body;
  const model = requireModel(ctx.lamina.models, body.model);
  if (!messages?.length) return loadOnly(ctx, model, body, write({}));
  const hasTools = tools !== undefined && tools !== null && tools.length > 0;
  const hasImages = messages.some(({ images }) => images !== undefined && images !== null && images.length > 0);
  const parameters = await parametersOf(ctx, model, body, [
    ...(hasTools ? (['tools'] as const) : []),
    ...(hasImages ? (['vision'] as const) : []),
  ]);
  const request = {
    ...parameters,
    model: model.name,
    messages: chatMessages(messages),
    ...(hasTools ? { tools } : {}),
  };
  const stream = ctx.lamina.chat(request, inferenceOptions(ctx, body, timing));
  return respond(ctx, body, { stream, reader: new ChatReader(), timing, write });
}

// `content` is in every line: a client drops lines without it.
function write({ text: content = '', thinking, calls }: Part): object {
  return {
    message: {
      role: 'assistant',
      content,
      ...(thinking === undefined ? {} : { thinking }),
      ...(calls === undefined ? {} : { tool_calls: calls }),
    },
  };
}
