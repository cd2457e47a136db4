// POST /v1/embeddings.
import type { Embedder, Engine } from './engine.js';
import { tooLong } from './errors.js';
import type { Reply } from './reply.js';
import { readEmbedding } from './requests.js';

/** Computes the normalised embedding of each text, like llama-server. */
export async function embed(
  { model, name }: Engine,
  { context, contextLength }: Embedder,
  body: unknown,
  reply: Reply,
): Promise<void> {
  const { input, encoding_format = 'float' } = readEmbedding(body);
  const texts = (typeof input === 'string' ? [input] : input).map((text) => model.tokenize(text));
  for (const { length } of texts) if (length >= contextLength) throw tooLong(length, contextLength);
  const data: object[] = [];
  for (const [index, tokens] of texts.entries()) {
    reply.signal.throwIfAborted();
    const { vector } = await context.getEmbeddingFor(tokens);
    const unit = unitVector(vector);
    data.push({ object: 'embedding', index, embedding: encoding_format === 'base64' ? base64(unit) : unit });
  }
  const tokens = texts.reduce((sum, { length }) => sum + length, 0);
  reply.json({ object: 'list', model: name, data, usage: { prompt_tokens: tokens, total_tokens: tokens } });
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
