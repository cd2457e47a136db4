// Reads the texts and token ids of requests as tokens of the model.
import type { Model, Token } from './binding.js';
import { RequestError } from './errors.js';

/** A text, or token ids of the model's own tokenizer. */
export type TextOrTokens = string | readonly Token[];

/** The parts of a field that is one text, a list of texts, one list of token ids, or a list of such lists. */
export function partsOf(given: string | readonly (string | Token | readonly Token[])[]): readonly TextOrTokens[] {
  if (typeof given === 'string') return [given];
  return typeof given[0] === 'number' ? [given as readonly Token[]] : (given as readonly TextOrTokens[]);
}

/** The token ids of a request. @throws RequestError for an id that the model does not have: the engine would fail */
export function checkTokens(tokens: readonly Token[], model: Model, param: string): readonly Token[] {
  const size = model.fileInfo.metadata.tokenizer?.ggml?.tokens?.length ?? 0;
  const wrong = tokens.find((token) => !Number.isInteger(token) || token < 0 || token >= size);
  if (wrong === undefined) return tokens;
  throw new RequestError(
    400,
    `"${param}" has the token ${wrong}, and the model has the tokens 0 to ${size - 1}. Token ids are those of the model's own tokenizer; send text to a model with another one (in LangChain: check_embedding_ctx_length=False).`,
    { param },
  );
}
