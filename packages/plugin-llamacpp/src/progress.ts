// Reads the progress of a start from the log of llama-server.

const stages: readonly (readonly [pattern: RegExp, stage: string])[] = [
  [/load_model: loading model/, 'loading model'],
  [/load_tensors: (?:loading model tensors|offload)/, 'loading weights'],
  [/(?:clip_model_loader|mtmd_init)\S*:/, 'loading projector'],
  [/loading draft model/, 'loading draft model'],
  [/(?:constructing llama_context|llama_kv_cache\S*: +\S+ KV buffer size)/, 'making context'],
  [/warming up the model/, 'warming up'],
  [/load_model: initializing(?: slots)?, n_slots/, 'making slots'],
  [/\bmodel loaded\b/, 'model loaded'],
];

/**
 * The stage a line announces. llama-server reports no ratio; with its default verbosity only the first, the draft's, the
 * slots' and the last of these appear.
 */
export function progressOf(line: string): { stage: string } | undefined {
  const found = stages.find(([pattern]) => pattern.test(line));
  return found === undefined ? undefined : { stage: found[1] };
}
