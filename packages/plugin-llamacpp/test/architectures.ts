// Small models of several architectures, all of whose weights are zero: real llama-server loads them and allocates what
// it would for real ones of this shape.
import { writeGguf } from '../../testing/dist/gguf/file.js';
import { storeTensor, type TensorType } from '../../testing/dist/gguf/tensor.js';
import { boolean, float32, float32s, int32s, text, texts, uint32, type Value } from '../../testing/dist/gguf/values.js';

/** The sizes of a model that differ between tests. */
export interface Sizes {
  readonly layers?: number;
  readonly feedForwardLength?: number;
  readonly vocabularySize?: number;
}

type TensorShape = readonly [name: string, ...shape: number[]];
interface Layout {
  readonly values: Readonly<Record<string, Value>>;
  layer(index: number): readonly TensorShape[];
}

const width = 512;

/** Writes a model of this architecture; weights are q8_0 where their rows allow it. */
export async function writeArchitecture(path: string, architecture: Architecture, sizes: Sizes = {}): Promise<void> {
  const { layers = 4, feedForwardLength = 1024, vocabularySize = 384 } = sizes;
  const { values, layer } = layouts[architecture](feedForwardLength, layers);
  const own = {
    block_count: uint32(layers),
    context_length: uint32(16_384),
    embedding_length: uint32(width),
    'attention.layer_norm_rms_epsilon': float32(1e-5),
    'rope.freq_base': float32(10_000),
    ...values,
  };
  await writeGguf(
    path,
    [
      ['general.architecture', text(architecture)],
      ['general.type', text('model')],
      ['general.file_type', uint32(7)],
      ...Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value] as const),
      ...tokenizer(vocabularySize),
    ],
    [...outer(architecture, vocabularySize), ...Array.from({ length: layers }, (_, index) => layer(index)).flat()].map(
      ([name, ...shape]) => storeTensor({ name, shape }, typeOf(name, shape)),
    ),
  );
}

function typeOf(name: string, [row = 0]: readonly number[]): TensorType {
  return row % 32 === 0 && !/conv|ssm_a|bias|sinks|gate_inp/.test(name) ? 'q8_0' : 'f32';
}

function outer(architecture: Architecture, vocabularySize: number): readonly TensorShape[] {
  const embeddings: TensorShape = ['token_embd.weight', width, vocabularySize];
  if (architecture === 'lfm2') return [embeddings, ['token_embd_norm.weight', width]];
  return [embeddings, ['output_norm.weight', width], ['output.weight', width, vocabularySize]];
}

function tokenizer(size: number): readonly (readonly [string, Value])[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const tokens = ['<unk>', '<s>', '</s>', ...bytes];
  const first = tokens.length;
  while (tokens.length < size) tokens.push(`token ${tokens.length}`);
  const kinds = tokens.map((_, id) => (id === 0 ? 2 : id < 3 ? 3 : id < first ? 6 : 1));
  return [
    ['tokenizer.ggml.model', text('llama')],
    ['tokenizer.ggml.tokens', texts(tokens)],
    ['tokenizer.ggml.scores', float32s(tokens.map((_, id) => -id))],
    ['tokenizer.ggml.token_type', int32s(kinds)],
    ['tokenizer.ggml.bos_token_id', uint32(1)],
    ['tokenizer.ggml.eos_token_id', uint32(2)],
    ['tokenizer.ggml.add_space_prefix', boolean(false)],
  ];
}

function heads(count: number, keyValue: number | readonly number[]): Readonly<Record<string, Value>> {
  return {
    'attention.head_count': uint32(count),
    'attention.head_count_kv': typeof keyValue === 'number' ? uint32(keyValue) : int32s(keyValue),
  };
}

function lengths(length: number): Readonly<Record<string, Value>> {
  return { 'attention.key_length': uint32(length), 'attention.value_length': uint32(length) };
}

function named(index: number, tensors: readonly TensorShape[]): readonly TensorShape[] {
  return tensors.map(([name, ...shape]) => [`blk.${index}.${name}`, ...shape]);
}

const norm: TensorShape = ['attn_norm.weight', width];

function attention(query: number, keyValue: number): readonly TensorShape[] {
  return [
    ['attn_q.weight', width, query],
    ['attn_k.weight', width, keyValue],
    ['attn_v.weight', width, keyValue],
    ['attn_output.weight', query, width],
  ];
}

function feedForward(length: number): readonly TensorShape[] {
  return [
    ['ffn_norm.weight', width],
    ['ffn_gate.weight', width, length],
    ['ffn_up.weight', width, length],
    ['ffn_down.weight', length, width],
  ];
}

const scan = { inner: 1024, state: 16, convolution: 4, rank: 32 };
const scanValues = {
  'ssm.conv_kernel': uint32(scan.convolution),
  'ssm.inner_size': uint32(scan.inner),
  'ssm.state_size': uint32(scan.state),
  'ssm.time_step_rank': uint32(scan.rank),
};
const scanTensors: readonly TensorShape[] = [
  ['ssm_in.weight', width, 2 * scan.inner],
  ['ssm_conv1d.weight', scan.convolution, scan.inner],
  ['ssm_conv1d.bias', scan.inner],
  ['ssm_x.weight', scan.inner, scan.rank + 2 * scan.state],
  ['ssm_dt.weight', scan.rank, scan.inner],
  ['ssm_dt.bias', scan.inner],
  ['ssm_a', scan.state, scan.inner],
  ['ssm_d', scan.inner],
  ['ssm_out.weight', scan.inner, width],
];

/** Every fourth layer attends. */
const everyFourth = (layers: number) => Array.from({ length: layers }, (_, index) => (index % 4 === 3 ? 2 : 0));

const layouts = {
  llama: (length: number): Layout => ({
    values: { ...heads(8, 4), feed_forward_length: uint32(length) },
    layer: (index) => named(index, [norm, ...attention(width, 256), ...feedForward(length)]),
  }),
  gemma3: (length: number): Layout => ({
    values: {
      ...heads(4, 2),
      ...lengths(128),
      feed_forward_length: uint32(length),
      'attention.sliding_window': uint32(512),
    },
    layer: (index) =>
      named(index, [
        norm,
        ...attention(512, 256),
        ['attn_q_norm.weight', 128],
        ['attn_k_norm.weight', 128],
        ['post_attention_norm.weight', width],
        ...feedForward(length),
        ['post_ffw_norm.weight', width],
      ]),
  }),
  'gpt-oss': (length: number): Layout => ({
    values: {
      ...heads(8, 2),
      ...lengths(64),
      feed_forward_length: uint32(length),
      'attention.sliding_window': uint32(128),
      expert_count: uint32(8),
      expert_used_count: uint32(2),
      expert_feed_forward_length: uint32(length),
      'rope.dimension_count': uint32(64),
    },
    layer: (index) =>
      named(index, [
        norm,
        ['post_attention_norm.weight', width],
        ...attention(512, 128),
        ['attn_q.bias', 512],
        ['attn_k.bias', 128],
        ['attn_v.bias', 128],
        ['attn_output.bias', width],
        ['attn_sinks.weight', 8],
        ['ffn_gate_inp.weight', width, 8],
        ['ffn_gate_inp.bias', 8],
        ['ffn_gate_exps.weight', width, length, 8],
        ['ffn_down_exps.weight', length, width, 8],
        ['ffn_up_exps.weight', width, length, 8],
        ['ffn_gate_exps.bias', length, 8],
        ['ffn_down_exps.bias', width, 8],
        ['ffn_up_exps.bias', length, 8],
      ]),
  }),
  deepseek2: (length: number, layers: number): Layout => ({
    values: {
      ...heads(8, 1),
      feed_forward_length: uint32(length),
      'attention.key_length': uint32(576),
      'attention.value_length': uint32(512),
      'attention.key_length_mla': uint32(192),
      'attention.value_length_mla': uint32(128),
      'attention.kv_lora_rank': uint32(512),
      'attention.q_lora_rank': uint32(256),
      'rope.dimension_count': uint32(64),
      leading_dense_block_count: uint32(layers),
      expert_count: uint32(4),
      expert_used_count: uint32(2),
      expert_shared_count: uint32(1),
      expert_feed_forward_length: uint32(256),
      expert_weights_scale: float32(1),
      expert_gating_func: uint32(2),
    },
    layer: (index) =>
      named(index, [
        norm,
        ['attn_q_a_norm.weight', 256],
        ['attn_kv_a_norm.weight', 512],
        ['attn_q_a.weight', width, 256],
        ['attn_q_b.weight', 256, 8 * 192],
        ['attn_kv_a_mqa.weight', width, 576],
        ['attn_k_b.weight', 128, 512, 8],
        ['attn_v_b.weight', 512, 128, 8],
        ['attn_output.weight', 8 * 128, width],
        ...feedForward(length),
      ]),
  }),
  mamba: (): Layout => ({
    values: { ...heads(0, 0), ...scanValues, feed_forward_length: uint32(0) },
    layer: (index) => named(index, [norm, ...scanTensors]),
  }),
  jamba: (length: number, layers: number): Layout => ({
    values: { ...heads(8, everyFourth(layers)), ...scanValues, feed_forward_length: uint32(length) },
    layer: (index) =>
      named(index, [norm, ...(index % 4 === 3 ? attention(width, 128) : jambaScan), ...feedForward(length)]),
  }),
  lfm2: (length: number, layers: number): Layout => ({
    values: {
      ...heads(8, everyFourth(layers)),
      feed_forward_length: uint32(length),
      'shortconv.l_cache': uint32(3),
    },
    layer: (index) =>
      named(index, [norm, ...(index % 4 === 3 ? normedAttention : shortConvolution), ...feedForward(length)]),
  }),
} as const;

const jambaScan: readonly TensorShape[] = [
  ...scanTensors,
  ['ssm_dt_norm.weight', scan.rank],
  ['ssm_b_norm.weight', scan.state],
  ['ssm_c_norm.weight', scan.state],
];
const normedAttention: readonly TensorShape[] = [
  ...attention(width, 128),
  ['attn_q_norm.weight', 64],
  ['attn_k_norm.weight', 64],
];
const shortConvolution: readonly TensorShape[] = [
  ['shortconv.conv.weight', 3, width],
  ['shortconv.in_proj.weight', width, 3 * width],
  ['shortconv.out_proj.weight', width, width],
];

/** The architectures that can be written. */
export type Architecture = keyof typeof layouts;
