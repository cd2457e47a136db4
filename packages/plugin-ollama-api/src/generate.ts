// `POST /api/generate`: a prompt through the template of the model, or raw.
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { respond } from './answer.js';
import { ChatReader, completionReader, type Part } from './chunk-readers.js';
import { invalid } from './errors.js';
import { generationProperties, inferenceOptions, loadOnly, parametersOf, type GenerationBody } from './inference.js';
import { contentOf } from './messages.js';
import { requireModel } from './names.js';
import { Timing } from './timing.js';

interface GenerateBody extends GenerationBody {
  readonly prompt?: string | null;
  readonly suffix?: string | null;
  readonly images?: readonly string[] | null;
  readonly system?: string | null;
  readonly template?: string | null;
  readonly context?: readonly number[] | null;
  readonly raw?: boolean | null;
}

const textOrNull = { type: ['string', 'null'] } as const;

/** The route. */
export const generateRoute: HttpRoute = {
  method: 'POST',
  path: '/api/generate',
  scope: 'inference',
  summary: "A completion, in Ollama's API",
  body: {
    type: 'object',
    properties: {
      ...generationProperties,
      prompt: { ...textOrNull, description: 'None: the model is loaded.' },
      suffix: textOrNull,
      images: { type: ['array', 'null'], items: { type: 'string' }, description: 'In base64.' },
      system: textOrNull,
      template: textOrNull,
      context: { type: ['array', 'null'], items: { type: 'number' } },
      raw: { type: ['boolean', 'null'], description: 'The prompt goes to the model without a template.' },
    },
    required: ['model'],
  },
  handler: generate,
};

async function generate(ctx: HttpContext): Promise<unknown> {
  const timing = new Timing();
  const body = ctx.body as GenerateBody;
  requireSupported(body);
  const { prompt, system, images } = body;
  const model = requireModel(ctx.lamina.models, body.model);
  if (!prompt) return loadOnly(ctx, model, body, write({}));
  const hasImages = images !== undefined && images !== null && images.length > 0;
  const parameters = await parametersOf(ctx, model, body, hasImages ? ['vision'] : []);
  const options = inferenceOptions(ctx, body, timing);
  if (body.raw === true) {
    const stream = ctx.lamina.complete({ ...parameters, model: model.name, prompt }, options);
    return respond(ctx, body, { stream, reader: completionReader, timing, write });
  }
  const messages = [
    ...(system ? [{ role: 'system', content: system }] : []),
    { role: 'user', content: contentOf({ content: prompt, ...(hasImages ? { images } : {}) }) },
  ];
  const stream = ctx.lamina.chat({ ...parameters, model: model.name, messages }, options);
  return respond(ctx, body, { stream, reader: new ChatReader(), timing, write });
}

/** What would change the answer is refused and not ignored. @throws LaminaError `REQUEST_INVALID` */
function requireSupported({ model, raw, suffix, system, template, context, images }: GenerateBody): void {
  const hasContext = context !== undefined && context !== null && context.length > 0;
  if (suffix) throw invalid(`"${model}" does not support insert. Send the prompt without "suffix".`);
  if (raw === true && (system || template || hasContext))
    throw invalid('raw mode does not support template, system, or context');
  if (raw === true && images?.length) throw invalid('raw mode does not support images');
  if (template)
    throw invalid(
      '"template" is not supported: the model has its own. Leave it out, or send the whole text with "raw".',
    );
  if (hasContext) throw invalid('"context" is not supported. Send the conversation as messages to /api/chat.');
}

function write({ text: response = '', thinking }: Part): object {
  return { response, ...(thinking === undefined ? {} : { thinking }) };
}
