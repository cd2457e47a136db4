// Reads the progress of a start from the log of vLLM.

const stages: readonly (readonly [pattern: RegExp, stage: string])[] = [
  [/Resolved architecture/, 'reading the model'],
  [/Initializing a V1 LLM engine/, 'starting the engine'],
  [/Starting to load model/, 'loading weights'],
  [/Model loading took/, 'weights loaded'],
  [/torch\.compile takes|Compiling a graph/, 'compiling'],
  [/Capturing CUDA graphs/, 'capturing graphs'],
  [/KV cache size/, 'making context'],
  [/Starting vLLM server|Application startup complete/, 'opening the port'],
];

/** The stage a line announces, and the ratio while the shards of the weights are read. */
export function progressOf(line: string): { stage: string; ratio?: number } | undefined {
  const percent = /Loading \S+ checkpoint shards:\s+(\d+)% Completed/.exec(line)?.[1];
  if (percent !== undefined) return { stage: 'loading weights', ratio: Number(percent) / 100 };
  const found = stages.find(([pattern]) => pattern.test(line));
  return found === undefined ? undefined : { stage: found[1] };
}
