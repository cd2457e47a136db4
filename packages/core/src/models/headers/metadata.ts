// A model's metadata, from the headers and configurations of every format.
import type { ModelMetadata } from '../../contract/models.js';
import { fileTypes, poolingTypes } from './gguf-types.js';
import type { GgufHeader } from './gguf.js';
import { templateFeatures } from '../../kernel/chat-template.js';
import { isMapping } from '../../kernel/json.js';

type Config = Readonly<Record<string, unknown>>;

/** The metadata a GGUF header means. Key and value lengths default to embedding length / heads, as in llama.cpp. */
export function fromGguf({ values, perLayer, lengths }: GgufHeader): ModelMetadata {
  const text = (key: string) => textOf(values.get(key));
  const architecture = text('general.architecture');
  const list = (key: string) => perLayer.get(`${architecture ?? ''}.${key}`);
  const number = (key: string) => countOf(values.get(`${architecture ?? ''}.${key}`)) ?? largest(list(key));
  const fileType = values.get('general.file_type');
  const embeddingLength = number('embedding_length');
  const heads = number('attention.head_count');
  const perHead = divided(embeddingLength, heads);
  const chatTemplate = text('tokenizer.chat_template');
  const pooling = poolingTypes[number('pooling_type') ?? 0];
  return defined({
    architecture,
    contextLength: number('context_length'),
    embeddingLength,
    layers: number('block_count'),
    heads,
    kvHeads: number('attention.head_count_kv') ?? heads,
    kvHeadsPerLayer: kvHeadsPerLayer(list, number('attention.head_count_kv') ?? heads),
    keyLength: number('attention.key_length') ?? perHead,
    valueLength: number('attention.value_length') ?? perHead,
    ...widths(number),
    slidingWindow: positive(number('attention.sliding_window')),
    windowPattern:
      list('attention.sliding_window_pattern')?.map((each) => each !== 0) ??
      positive(number('attention.sliding_window_pattern')),
    // Compressed keys and values are kept only when the header says the lengths of the expanded ones too.
    kvLoraRank: number('attention.key_length_mla') === undefined ? undefined : number('attention.kv_lora_rank'),
    attentionInterval: positive(number('full_attention_interval')),
    recurrent: recurrentOf(number),
    sharedKvLayers: positive(number('attention.shared_kv_layers')),
    vocabularySize: lengths.get('tokenizer.ggml.tokens') ?? number('vocab_size'),
    merges: lengths.get('tokenizer.ggml.merges'),
    quantization: typeof fileType === 'number' ? fileTypes[fileType] : undefined,
    chatTemplate,
    pooling,
    capabilities: architecture === 'clip' ? clipCapabilities(values) : capabilitiesOf(chatTemplate, pooling),
    kind: text('general.type') ?? (architecture === 'clip' ? 'mmproj' : 'model'),
    shards: countOf(values.get('split.count')),
  });
}

type ReadNumber = (key: string) => number | undefined;

function widths(
  number: ReadNumber,
): Readonly<Record<'feedForwardLength' | 'expertFeedForwardLength' | 'expertsUsed', number | undefined>> {
  return {
    feedForwardLength: positive(number('feed_forward_length')),
    expertFeedForwardLength: positive(number('expert_feed_forward_length')),
    expertsUsed: positive(number('expert_used_count')),
  };
}

/** From the array of heads, or, in models that mark their recurrent layers, from those marks. */
function kvHeadsPerLayer(
  list: (key: string) => readonly number[] | undefined,
  kvHeads = 0,
): readonly number[] | undefined {
  const recurrent = list('attention.recurrent_layers');
  return list('attention.head_count_kv') ?? recurrent?.map((isRecurrent) => (isRecurrent === 0 ? kvHeads : 0));
}

function recurrentOf(number: ReadNumber): ModelMetadata['recurrent'] {
  const fields = {
    convolution: number('ssm.conv_kernel'),
    innerSize: number('ssm.inner_size'),
    stateSize: number('ssm.state_size'),
    groups: number('ssm.group_count'),
    shortConvolution: number('shortconv.l_cache'),
  };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

function largest(list: readonly number[] | undefined): number | undefined {
  return list === undefined ? undefined : Math.max(...list);
}

function positive(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value;
}

/** config.json as the transformers library writes it; the text part of a multimodal model is under `text_config`. */
export function fromTransformers(config: Config, chatTemplate: string | undefined): ModelMetadata {
  const text: Config = { ...config, ...objectOf(config['text_config']) };
  const heads = countOf(text['num_attention_heads']);
  const embeddingLength = countOf(text['hidden_size']);
  const headLength = countOf(text['head_dim']) ?? divided(embeddingLength, heads);
  const precision = textOf(text['torch_dtype']) ?? textOf(text['dtype']);
  return defined({
    architecture: textOf(config['model_type']),
    contextLength: countOf(text['max_position_embeddings']),
    embeddingLength,
    layers: countOf(text['num_hidden_layers']),
    heads,
    kvHeads: countOf(text['num_key_value_heads']) ?? heads,
    keyLength: headLength,
    valueLength: headLength,
    vocabularySize: countOf(text['vocab_size']),
    quantization:
      textOf(objectOf(config['quantization_config'])['quant_method']) ??
      (precision === undefined ? undefined : (precisions.get(precision) ?? precision)),
    chatTemplate,
    capabilities: [
      ...capabilitiesOf(chatTemplate, undefined),
      ...(isMapping(config['vision_config']) ? (['vision'] as const) : []),
    ],
    kind: 'model',
  });
}

const precisions: ReadonlyMap<string, string> = new Map([
  ['float16', 'F16'],
  ['bfloat16', 'BF16'],
  ['float32', 'F32'],
]);

/** mlc-chat-config.json. */
export function fromMlc(config: Config): ModelMetadata {
  const inner = objectOf(config['model_config']);
  const heads = countOf(inner['num_attention_heads']);
  const headLength = countOf(inner['head_dim']) ?? divided(countOf(inner['hidden_size']), heads);
  return defined({
    architecture: textOf(config['model_type']),
    contextLength: countOf(config['context_window_size']),
    embeddingLength: countOf(inner['hidden_size']),
    layers: countOf(inner['num_hidden_layers']),
    heads,
    kvHeads: countOf(inner['num_key_value_heads']) ?? heads,
    keyLength: headLength,
    valueLength: headLength,
    vocabularySize: countOf(config['vocab_size']),
    quantization: textOf(config['quantization']),
    capabilities: config['conv_template'] === undefined ? [] : ['chat'],
    kind: 'model',
  });
}

/** The metadata of a whole model: of the first weights, with the parameters of all, the projector's capabilities and the draft model. */
export function combine(
  weights: readonly { readonly metadata?: ModelMetadata; readonly parameters?: number }[],
  projector: ModelMetadata | undefined,
  draft: ModelMetadata | undefined,
): ModelMetadata {
  const [first, ...shards] = weights;
  const parameters = weights.reduce<number | undefined>(
    (sum, part) => (sum === undefined || part.parameters === undefined ? undefined : sum + part.parameters),
    0,
  );
  const capabilities = [...(first?.metadata?.capabilities ?? []), ...(projector?.capabilities ?? [])];
  return defined({
    ...first?.metadata,
    parameters: parameters === 0 ? undefined : parameters,
    capabilities: capabilities.length > 0 ? capabilities : undefined,
    draft,
    shards: shards.length > 0 ? weights.length : first?.metadata?.shards,
  });
}

function capabilitiesOf(
  chatTemplate: string | undefined,
  pooling: string | undefined,
): NonNullable<ModelMetadata['capabilities']> {
  if (pooling !== undefined) return [pooling === 'rank' ? 'rerank' : 'embeddings'];
  if (chatTemplate === undefined) return [];
  const { tools, reasoning } = templateFeatures(chatTemplate);
  return ['chat', ...(tools ? (['tools'] as const) : []), ...(reasoning ? (['reasoning'] as const) : [])];
}

/** A projector that says nothing of its encoders is of the time when there was only vision. */
function clipCapabilities(values: GgufHeader['values']): NonNullable<ModelMetadata['capabilities']> {
  const audio = values.get('clip.has_audio_encoder') === true;
  const vision = values.get('clip.has_vision_encoder') ?? !audio;
  return [...(vision === true ? (['vision'] as const) : []), ...(audio ? (['audio'] as const) : [])];
}

function divided(whole: number | undefined, parts: number | undefined): number | undefined {
  return whole === undefined || parts === undefined || parts === 0 ? undefined : Math.floor(whole / parts);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

function objectOf(value: unknown): Config {
  return isMapping(value) ? value : {};
}

/** Only what is known: a missing field is left out. */
function defined(fields: { readonly [Key in keyof ModelMetadata]?: ModelMetadata[Key] | undefined }): ModelMetadata {
  const known: Record<string, unknown> = {};
  for (const key in fields) {
    const value = fields[key as keyof ModelMetadata];
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) known[key] = value;
  }
  return known;
}
