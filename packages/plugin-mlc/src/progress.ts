// What a line of MLC-LLM's log says about how far a start is.

const stages: readonly (readonly [pattern: RegExp, stage: string])[] = [
  [/Compiling using commands below/, 'compiling the model library'],
  [/Using (?:library model|cached model lib|compiled model lib):/, 'loading the model library'],
  [/The actual engine mode is|Estimated total single GPU memory usage/, 'loading weights'],
  [/Waiting for application startup|Uvicorn running on/, 'opening the port'],
];

/** The stage a line announces. Compiling may take minutes and tells no ratio. */
export function progressOf(line: string): { stage: string } | undefined {
  const found = stages.find(([pattern]) => pattern.test(line));
  return found === undefined ? undefined : { stage: found[1] };
}
