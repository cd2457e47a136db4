// `POST /api/embed`, and `POST /api/embeddings` of older clients.
import type { EmbedResult } from '@lamina/core/plugin';
import type { HttpContext, HttpRoute } from '@lamina/server-koa';
import { invalid } from './errors.js';
import { keepAliveOf } from './keep-alive.js';
import { requireModel } from './names.js';
import { Timing } from './timing.js';

interface EmbedBody {
  readonly model: string;
  readonly input?: unknown;
  readonly prompt?: string | null;
  readonly dimensions?: number | null;
  readonly keep_alive?: string | number | null;
}

const properties = {
  model: { type: 'string', minLength: 1 },
  keep_alive: { type: ['string', 'number', 'null'] },
} as const;

/** The routes. */
export const embedRoutes: readonly HttpRoute[] = [
  {
    method: 'POST',
    path: '/api/embed',
    scope: 'inference',
    summary: "Embeddings of length 1, in Ollama's API",
    body: {
      type: 'object',
      properties: {
        ...properties,
        input: { description: 'A text, or a list of texts.' },
        dimensions: { type: ['integer', 'null'], minimum: 0, description: 'Shortens the embeddings.' },
      },
      required: ['model'],
    },
    handler: embed,
  },
  {
    method: 'POST',
    path: '/api/embeddings',
    scope: 'inference',
    summary: "The embedding of one text, in Ollama's older API",
    body: {
      type: 'object',
      properties: { ...properties, prompt: { type: ['string', 'null'] } },
      required: ['model'],
    },
    handler: embeddings,
  },
];

async function embed(ctx: HttpContext): Promise<object> {
  const timing = new Timing();
  const body = ctx.body as EmbedBody;
  const input = textsOf(body.input);
  const { embeddings, usage } = await vectors(ctx, body, input, timing);
  const length = body.dimensions || undefined;
  return {
    model: body.model,
    embeddings: embeddings.map((vector) => ofUnitLength(vector.slice(0, length))),
    ...timing.total,
    prompt_eval_count: usage?.prompt_tokens ?? 0,
  };
}

async function embeddings(ctx: HttpContext): Promise<object> {
  const body = ctx.body as EmbedBody;
  const result = await vectors(ctx, body, body.prompt ? [body.prompt] : [], new Timing());
  return { embedding: result.embeddings[0] ?? [] };
}

/** Without texts the model is loaded. */
async function vectors(
  { id, lamina, signal }: HttpContext,
  body: EmbedBody,
  input: readonly string[],
  { onWaited }: Timing,
): Promise<EmbedResult> {
  const { name } = requireModel(lamina.models, body.model);
  const keepAlive = keepAliveOf(body.keep_alive);
  const options = keepAlive === undefined ? {} : { keepAlive };
  if (input.length > 0) return lamina.embed({ model: name, input }, { id, onWaited, ...options });
  await lamina.runtime.load(name, { signal, ...options });
  return { embeddings: [] };
}

/** @throws LaminaError `REQUEST_INVALID` */
function textsOf(input: unknown): readonly string[] {
  if (input === undefined || input === null || input === '') return [];
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  if (texts.every((text) => typeof text === 'string')) return texts;
  throw invalid('invalid input type: "input" must be a text or a list of texts');
}

function ofUnitLength(vector: readonly number[]): readonly number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector : vector.map((value) => value / length);
}
