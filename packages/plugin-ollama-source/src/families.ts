// Architectures whose files in Ollama's library are laid out for Ollama's own engine, from its llama/compat/README.md.

const ownLayout =
  /^(gemma3n?|gemma4|embeddinggemma|gemma-embedding|gpt-?oss|mistral3|mllama|qwen2?5vl|qwen3vl(moe)?|qwen35(moe)?|qwen3next|llama4|olmo3|lfm2|deepseekocr|glmocr|glm4moelite|laguna|nemotron_h.*|snowflake-arctic-embed2)$/i;

/** The family whose files llama.cpp may not open; `undefined` when none of these is known for that. */
export function ownFamily(families: readonly string[]): string | undefined {
  return families.find((family) => ownLayout.test(family));
}
