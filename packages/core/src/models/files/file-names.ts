// What the names of files say about the models in a directory.
import { basename, extname } from 'node:path';
import { shardName } from './shards.js';

/** The format that a file name says; hidden files have none. */
export function formatOfName(path: string): string | undefined {
  return /(?:^|[/\\])[^./\\][^/\\]*\.(gguf|safetensors)$/i.exec(path)?.[1]!.toLowerCase();
}

/** What tools append to the names of unfinished files. */
const unfinished = /\.(part|partial|incomplete|download|crdownload|tmp|temp|aria2|!qb)$/i;

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

/** The format of a model that is a directory → the names of its files, and a pattern for numbered ones. */
const filesOf: ReadonlyMap<string, { readonly names: ReadonlySet<string>; readonly pattern: RegExp }> = new Map([
  [
    'safetensors',
    { names: new Set([...transformersFiles, ...tokenizerFiles]), pattern: /\.safetensors(\.index\.json)?$/i },
  ],
  ['mlc', { names: new Set([...mlcFiles, ...tokenizerFiles]), pattern: /^params_shard_\d+\.bin$/ }],
]);

/** Whether a file of this name belongs to a model that is a directory; false for unknown formats. */
export function isFileOf(format: string, name: string): boolean {
  const known = filesOf.get(format);
  return known !== undefined && (known.names.has(name) || known.pattern.test(name) || sentencePiece.test(name));
}

/** True for the name of a multimodal projector. */
export function isProjector(name: string): boolean {
  return formatOfName(name) === 'gguf' && /mmproj/i.test(name);
}

/** The GGUF models in a directory, by file name; the first existing shard of a split one. Projectors are not models. */
export function modelsIn(names: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return names.filter((name) => {
    if (formatOfName(name) !== 'gguf' || isProjector(name)) return false;
    const shard = shardName(name);
    const model = shard === undefined ? name : `${shard.prefix.toLowerCase()} of ${shard.count}`;
    if (seen.has(model)) return false;
    seen.add(model);
    return true;
  });
}

/** The projector of the only model in a directory; F16 before other precisions. */
export function projectorIn(names: readonly string[], model: string): string | undefined {
  const projectors = names.filter((name) => isProjector(name) && name !== model);
  if (projectors.length === 0 || modelsIn(names).length !== 1) return undefined;
  return projectors.find((name) => /(^|[^b])f16/i.test(name)) ?? projectors[0];
}

/** Names without hidden files and files that another tool is still writing, by their own name or a companion's. */
export function finishedNames(all: readonly string[]): readonly string[] {
  const names = all.filter((name) => !name.startsWith('.'));
  const leftovers = new Set(names.filter((name) => unfinished.test(name)));
  if (leftovers.size === 0) return names;
  return names.filter(
    (name) =>
      !leftovers.has(name) &&
      !['.part', '.aria2', '.crdownload', '.incomplete', '.!qB'].some((suffix) => leftovers.has(name + suffix)),
  );
}

/** True for the names of a directory that is one model: MLC weights, or safetensors with all shards. */
export function isOneModel(names: readonly string[]): boolean {
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
