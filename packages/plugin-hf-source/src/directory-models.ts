// Selects the files of a model directory for vLLM, transformers or MLC.

interface Named {
  readonly path: string;
}

/** A model that is a directory. */
export interface DirectoryModel<File extends Named = Named> {
  readonly format: 'safetensors' | 'mlc';
  readonly files: readonly File[];
  /** Missing shards, according to the names of the others. */
  readonly missing: readonly string[];
}

const tokenizer =
  /^(tokenizer.*|vocab.*|merges\.txt|added_tokens\.json|special_tokens_map\.json|[^/]*\.model|tekken\.json)$/i;
const configuration =
  /^(config\.json|generation_config\.json|(pre)?processor_config\.json|video_preprocessor_config\.json|chat_template\.(jinja|json)|params\.json)$/i;
const shard = /^(.+)-(\d{5})-of-(\d{5})\.safetensors$/i;

/** The model directory in the root of a repository, if there is one. Subdirectories contain other formats (`onnx/`). */
export function directoryModel<File extends Named>(all: readonly File[]): DirectoryModel<File> | undefined {
  const files = all.filter(({ path }) => !path.includes('/'));
  const has = (pattern: RegExp) => files.some(({ path }) => pattern.test(path));
  if (has(/^mlc-chat-config\.json$/))
    return {
      format: 'mlc',
      missing: [],
      files: files.filter(
        ({ path }) =>
          tokenizer.test(path) ||
          /^(mlc-chat-config|tensor-cache|ndarray-cache(-b16)?)\.json$|^params_shard_\d+\.bin$/.test(path),
      ),
    };
  const weights = weightsOf(files);
  if (weights.length === 0 || !has(/^(config|params)\.json$/)) return undefined;
  const beside = files.filter(
    ({ path }) =>
      tokenizer.test(path) ||
      configuration.test(path) ||
      (/\.safetensors\.index\.json$/.test(path) && isIndexOf(path, weights)),
  );
  return { format: 'safetensors', files: [...weights, ...beside], missing: missingShards(weights) };
}

/**
 * One set of weights: of `model*` and Mistral's `consolidated*` the former; no variants such as
 * `model.fp16.safetensors` beside the plain ones.
 */
function weightsOf<File extends Named>(files: readonly File[]): readonly File[] {
  const tensors = files.filter(({ path }) => /\.safetensors$/i.test(path));
  const usual = tensors.filter(({ path }) => !path.startsWith('consolidated'));
  const set = usual.length > 0 ? usual : tensors;
  const plain = set.filter(({ path }) => /^model(-\d{5}-of-\d{5})?\.safetensors$/.test(path));
  if (plain.length === 0) return set;
  const sharded = plain.filter(({ path }) => shard.test(path));
  return sharded.length > 0 && sharded.length < plain.length ? plain.filter(({ path }) => !shard.test(path)) : plain;
}

function isIndexOf(index: string, weights: readonly Named[]): boolean {
  const base = index.replace(/\.safetensors\.index\.json$/, '');
  return weights.some(({ path }) => shard.exec(path)?.[1] === base);
}

function missingShards(weights: readonly Named[]): readonly string[] {
  const present = new Set(weights.map(({ path }) => path));
  const expected = weights.flatMap(({ path }) => {
    const [, prefix, , count] = shard.exec(path) ?? [];
    return prefix === undefined
      ? []
      : Array.from(
          { length: Number(count) },
          (_, at) => `${prefix}-${String(at + 1).padStart(5, '0')}-of-${count}.safetensors`,
        );
  });
  return [...new Set(expected)].filter((path) => !present.has(path));
}
