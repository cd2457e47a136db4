// The inference routes Lamina knows by name, and what each must be told before a model is started for it.

/** Fields a body must have; where there are several names, one of them is enough and the first is the one to use. */
type Requirement = readonly [string, ...string[]];

/**
 * Route (what comes after `/v1/`) → its required fields besides `model`. Second names are what engines take as well:
 * vLLM's prompts as embeddings and its chats to embed, llama.cpp's `content` and the rerank form of
 * text-embeddings-inference.
 */
export const inferenceRoutes: ReadonlyMap<string, readonly Requirement[]> = new Map([
  ['chat/completions', [['messages']]],
  ['completions', [['prompt', 'prompt_embeds']]],
  ['embeddings', [['input', 'messages', 'content']]],
  ['responses', [['input', 'prompt', 'conversation']]],
  ['messages', [['messages']]],
  ['messages/count_tokens', [['messages']]],
  ['rerank', [['query'], ['documents', 'texts']]],
  ['score', []],
  ['audio/transcriptions', []],
  ['audio/translations', []],
  ['audio/speech', [['input']]],
  ['images/generations', [['prompt']]],
  ['images/edits', []],
] satisfies [string, Requirement[]][]);
