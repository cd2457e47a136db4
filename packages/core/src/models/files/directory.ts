// What the names in a directory say of the models in it.
import { basename, extname } from 'node:path';
import { shardName } from './shards.js';

/** What tools put behind the name of a file that they have not finished. */
const unfinished = /\.(part|partial|incomplete|download|crdownload|tmp|temp|aria2|!qb)$/i;

/**
 * What discovery may offer of a directory: the GGUF models in it, by their names, or all of it as one model. Hidden and
 * unfinished files do not count.
 */
export function offersOf(names: readonly string[]): { readonly models: readonly string[]; readonly isModel: boolean } {
  const finished = finishedOf(names);
  return { models: modelsIn(finished), isModel: isOneModel(finished) };
}

const tokenizerFiles = [
  'tokenizer.json',
  'tokenizer_config.json',
  'added_tokens.json',
  'special_tokens_map.json',
  'merges.txt',
  'vocab.json',
  'vocab.txt',
  'vocab.bpe',
  'spiece.model',
  'tekken.json',
];
const transformersFiles = [
  'config.json',
  'generation_config.json',
  'adapter_config.json',
  'params.json',
  'chat_template.jinja',
  'chat_template.json',
  'processor_config.json',
  'preprocessor_config.json',
  'video_preprocessor_config.json',
  'modules.json',
  'quantize_config.json',
  'quant_config.json',
  'hf_quant_config.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
];
const mlcFiles = [
  'mlc-chat-config.json',
  'tensor-cache.json',
  'ndarray-cache.json',
  'tensor-cache-b16.json',
  'ndarray-cache-b16.json',
];
const sentencePiece = /^(tokenizer|sentencepiece[\w.]*)\.model(\.v\d+)?$/;

/** Format of a model that is a directory → the names that are files of it, and a pattern for those with numbers. */
const filesOf: ReadonlyMap<string, { readonly names: ReadonlySet<string>; readonly pattern: RegExp }> = new Map([
  [
    'safetensors',
    { names: new Set([...transformersFiles, ...tokenizerFiles]), pattern: /\.safetensors(\.index\.json)?$/i },
  ],
  ['mlc', { names: new Set([...mlcFiles, ...tokenizerFiles]), pattern: /^params_shard_\d+\.bin$/ }],
]);

/** Whether a model that is a directory has, by its format, a file of this name. Of other formats no names are known. */
export function isFileOf(format: string, name: string): boolean {
  const known = filesOf.get(format);
  return known !== undefined && (known.names.has(name) || known.pattern.test(name) || sentencePiece.test(name));
}

/** True for the name of a multimodal projector. */
export function isProjector(name: string): boolean {
  return /\.gguf$/i.test(name) && /mmproj/i.test(name);
}

/**
 * The GGUF models in a directory: a file each; of one in shards, the first shard that is there. Projectors are no
 * models.
 */
export function modelsIn(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    if (!/\.gguf$/i.test(name) || isProjector(name)) return false;
    const shard = shardName(name);
    const model = shard === undefined ? name : `${shard.prefix.toLowerCase()} of ${shard.count}`;
    if (seen.has(model)) return false;
    seen.add(model);
    return true;
  });
}

/** The projector that belongs to a model: any in a directory that holds no other model; F16 before other precisions. */
export function projectorIn(names: readonly string[], model: string): string | undefined {
  const projectors = names.filter((name) => isProjector(name) && name !== model);
  if (projectors.length === 0 || modelsIn(names).length !== 1) return undefined;
  return projectors.find((name) => /(^|[^b])f16/i.test(name)) ?? projectors[0];
}

/**
 * The names without hidden ones and those of files that another tool is at work on: by their own names, or by a
 * companion's.
 */
function finishedOf(all: readonly string[]): readonly string[] {
  const names = all.filter((name) => !name.startsWith('.'));
  const leftovers = new Set(names.filter((name) => unfinished.test(name)));
  if (leftovers.size === 0) return names;
  return names.filter(
    (name) =>
      !leftovers.has(name) &&
      !['.part', '.aria2', '.crdownload', '.incomplete', '.!qB'].some((suffix) => leftovers.has(name + suffix)),
  );
}

/** MLC weights, or a safetensors model with all its shards. */
function isOneModel(names: readonly string[]): boolean {
  if (names.includes('mlc-chat-config.json'))
    return (
      names.some((name) => /^(tensor|ndarray)-cache\.json$/.test(name)) && names.some((name) => name.endsWith('.bin'))
    );
  if (!names.includes('config.json')) return false;
  const tensors = names.filter((name) => extname(name).toLowerCase() === '.safetensors');
  return tensors.length > 0 && hasAllShards(tensors);
}

function hasAllShards(tensors: readonly string[]): boolean {
  const shards = tensors.flatMap((name) => shardName(basename(name, extname(name))) ?? []);
  return shards.every(
    ({ prefix, count }) =>
      new Set(shards.filter((other) => other.prefix === prefix && other.count === count).map(({ index }) => index))
        .size === count,
  );
}
