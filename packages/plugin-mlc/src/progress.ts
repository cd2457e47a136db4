// Reads the progress of a start from the log of MLC-LLM.

const stages: readonly (readonly [pattern: RegExp, stage: string])[] = [
  [/Compiling using commands below/, 'compiling the model library'],
  [/Using (?:library model|cached model lib|compiled model lib):/, 'loading the model library'],
  [/The actual engine mode is|Estimated total single GPU memory usage/, 'loading weights'],
  [/Waiting for application startup|Uvicorn running on/, 'opening the port'],
];

/** The stage a line announces. Compiling can take minutes and reports no ratio. */
export function progressOf(line: string): { stage: string } | undefined {
  const found = stages.find(([pattern]) => pattern.test(line));
  return found === undefined ? undefined : { stage: found[1] };
}
