// POST /v1/embeddings.
import type { Embedder, Engine } from './engine.js';
import { RequestError, tooLong } from './errors.js';
import type { Reply } from './reply.js';
import { readEmbedding } from './requests.js';
import { checkTokens, partsOf } from './tokens.js';

/** Computes the normalised embedding of each text, like llama-server. */
export async function embed(
  { model, name }: Engine,
  { context, contextLength }: Embedder,
  body: unknown,
  reply: Reply,
): Promise<void> {
  const { input, encoding_format = 'float', dimensions } = readEmbedding(body);
  const inputs = partsOf(input).map((part) =>
    typeof part === 'string' ? model.tokenize(part) : checkTokens(part, model, 'input'),
  );
  for (const { length } of inputs) if (length >= contextLength) throw tooLong(length, contextLength);
  const data: object[] = [];
  for (const [index, tokens] of inputs.entries()) {
    reply.signal.throwIfAborted();
    const { vector } = await context.getEmbeddingFor(tokens);
    const unit = unitVector(shortened(vector, dimensions));
    data.push({ object: 'embedding', index, embedding: encoding_format === 'base64' ? base64(unit) : unit });
  }
  const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
  reply.json({ object: 'list', model: name, data, usage: { prompt_tokens: tokens, total_tokens: tokens } });
}

/** The first of its dimensions, as OpenAI shortens embeddings. @throws RequestError when it has fewer */
function shortened(vector: readonly number[], dimensions = vector.length): readonly number[] {
  if (dimensions <= vector.length) return vector.slice(0, dimensions);
  throw new RequestError(
    400,
    `"dimensions" is ${dimensions}, and the embeddings of this model have ${vector.length}. Lower it, or leave it out.`,
    { param: 'dimensions' },
  );
}

function unitVector(vector: readonly number[]): number[] {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => (length === 0 ? 0 : value / length));
}

/** 32-bit floats in base64, which OpenAI's client requests. */
function base64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(4 * vector.length);
  vector.forEach((value, index) => bytes.writeFloatLE(value, 4 * index));
  return bytes.toString('base64');
}
