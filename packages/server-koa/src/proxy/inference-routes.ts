// The inference routes Lamina knows by name, and what each must be told before a model is started for it.

/** Fields a body must have; where there are several names, one of them is enough and the first is the one to use. */
type Requirement = readonly [string, ...string[]];

/**
 * Route (what comes after `/v1/`) → its required fields besides `model`. Second names are what engines take as well: vLLM's prompts as
 * embeddings and its chats to embed, llama.cpp's `content` and the rerank form of text-embeddings-inference.
 */
const requirements: ReadonlyMap<string, readonly Requirement[]> = new Map<string, readonly Requirement[]>([
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
]);

/** The routes that start the model they name, when they are asked for with POST. */
export const inferenceRoutes: readonly string[] = [...requirements.keys()];

/** What a request for a route must have; nothing for a route that only the engine knows. */
export function requirementsOf(route: string): readonly Requirement[] {
  return requirements.get(route) ?? [];
}
