// What a chat template says about its model: whether it takes tools, and whether the model reasons before it answers.

/** Tags and variables of reasoning: Qwen3, DeepSeek, Magistral, gpt-oss, Seed, Granite. */
const reasoning =
  /<(?:\w+:)?think(?:ing)?>|\[THINK\]|<\|channel\|>analysis|\b(?:enable_thinking|reasoning_content|reasoning_effort)\b|\{%-?[^%]*\bthinking\b/;

/**
 * What a chat template in Jinja supports: `tools` when it writes them into the prompt, `reasoning` when it has tags or
 * variables of reasoning.
 */
export function templateFeatures(template: string): { readonly tools: boolean; readonly reasoning: boolean } {
  return { tools: /\btools\b/.test(template), reasoning: reasoning.test(template) };
}
