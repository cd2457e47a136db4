// Model families whose files in Ollama's library have a layout for Ollama's own engine (its llama/compat/README.md).

const incompatibleFamilies =
  /^(gemma3n?|gemma4|embeddinggemma|gemma-embedding|gpt-?oss|mistral3|mllama|qwen2?5vl|qwen3vl(moe)?|qwen35(moe)?|qwen3next|llama4|olmo3|lfm2|deepseekocr|glmocr|glm4moelite|laguna|nemotron_h.*|snowflake-arctic-embed2)$/i;

/** The first family whose files llama.cpp may be unable to open. */
export function incompatibleFamily(families: readonly string[]): string | undefined {
  return families.find((family) => incompatibleFamilies.test(family));
}
