// A model directory of a few kilobytes for vLLM: without weights (`load_format: dummy` generates them), with
// a tokenizer of single bytes.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Model } from '@lamina/core/plugin';

const special = ['<s>', '</s>', '<|user|>', '<|assistant|>'];
const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 2,
  head_dim: 32,
  vocab_size: 256 + special.length,
  max_position_embeddings: 4096,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
  bos_token_id: 256,
  eos_token_id: 257,
  tie_word_embeddings: false,
  torch_dtype: 'float32',
  rope_theta: 10000,
};

const template =
  "{% for m in messages %}{{ '<|assistant|>' if m['role'] == 'assistant' else '<|user|>' }}{{ m['content'] }}{% endfor %}<|assistant|>";

/** Writes the directory. `config` replaces the text of its config.json. */
export async function writeTinyModel(directory: string, text: { config?: string } = {}): Promise<void> {
  await mkdir(directory, { recursive: true });
  const write = (name: string, content: string | Buffer) => writeFile(join(directory, name), content);
  await write('config.json', text.config ?? JSON.stringify(config));
  await write('tokenizer.json', JSON.stringify(tokenizer()));
  await write(
    'tokenizer_config.json',
    JSON.stringify({
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<s>',
      eos_token: '</s>',
      model_max_length: 4096,
      chat_template: template,
    }),
  );
  await write('model.safetensors', Buffer.from([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d]));
}

/** Writes a LoRA for the tiny model, of rank 4, on the queries of its one layer. */
export async function writeTinyAdapter(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const rank = 4;
  const prefix = 'base_model.model.model.layers.0.self_attn.q_proj';
  await writeFile(
    join(directory, 'adapter_config.json'),
    JSON.stringify({
      peft_type: 'LORA',
      task_type: 'CAUSAL_LM',
      r: rank,
      lora_alpha: 8,
      target_modules: ['q_proj'],
      bias: 'none',
      base_model_name_or_path: 'tiny',
    }),
  );
  await writeFile(
    join(directory, 'adapter_model.safetensors'),
    safetensors({
      [`${prefix}.lora_A.weight`]: [rank, config.hidden_size],
      [`${prefix}.lora_B.weight`]: [config.hidden_size, rank],
    }),
  );
}

/** A file with tensors of these shapes, each number of them 1. */
function safetensors(shapes: Readonly<Record<string, readonly [number, number]>>): Buffer {
  let end = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => [
    name,
    { dtype: 'F32', shape, data_offsets: [end, (end += 4 * shape[0] * shape[1])] },
  ]);
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.from(new Float32Array(end / 4).fill(1).buffer)]);
}

/** The model in a directory. */
export function modelAt(name: string, path: string): Model {
  return {
    name,
    files: [{ role: 'weights', path, bytes: 10 }],
    format: 'safetensors',
    aliases: [],
    options: {},
    pinned: false,
    limits: {},
    from: 'manifest',
  };
}

function tokenizer(): object {
  const vocab = Object.fromEntries([...byteAlphabet(), ...special].map((text, id) => [text, id]));
  const added = special.map((content, index) => ({
    id: 256 + index,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const model = {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab,
    merges: [],
  };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model,
  };
}

/** A printable character for each byte, as GPT-2 has them. */
function byteAlphabet(): string[] {
  const printable = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}
