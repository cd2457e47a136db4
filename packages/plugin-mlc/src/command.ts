// Turns a model and its options into the command line of `mlc_llm serve`.
import { LaminaError, type Command, type FileRole, type Launch, type Model } from '@lamina/core/plugin';
import { engine } from './engine.js';
import { libraryIn } from './library.js';
import type { ModelOptions } from './options.js';

/** Options that are one flag with one value. */
const valued: readonly (readonly [option: keyof ModelOptions, flag: string])[] = [
  ['device', '--device'],
  ['mode', '--mode'],
  ['prefix_cache_mode', '--prefix-cache-mode'],
  ['prefill_mode', '--prefill-mode'],
  ['embedding_model', '--embedding-model'],
  ['embedding_model_lib', '--embedding-model-lib'],
];

/** Options that are a part of `--overrides` (mlc_llm/cli/serve.py). */
const overriding: readonly (keyof ModelOptions)[] = [
  'max_num_sequence',
  'max_total_seq_length',
  'prefill_chunk_size',
  'max_history_size',
  'gpu_memory_utilization',
  'spec_draft_length',
  'spec_tree_width',
  'prefix_cache_max_num_recycling_seqs',
  'context_window_size',
  'sliding_window_size',
  'attention_sink_size',
  'tensor_parallel_shards',
  'pipeline_parallel_stages',
  'opt',
];

/**
 * The command line of a start. The key goes by argv, where every user of the machine can read it: MLC-LLM takes it no
 * other way.
 * @throws LaminaError `MODEL_FILES_MISSING` without weights, `CONFIG_INVALID` when it is unclear which library to use
 */
export async function commandFor({ model, options, port, key, engine: found }: Launch<ModelOptions>): Promise<Command> {
  const weights = directoryOf(model, 'weights');
  if (weights === undefined)
    throw new LaminaError('MODEL_FILES_MISSING', {
      model: model.name,
      missing: ['it has no weights'],
      hint: 'Correct its path in the manifest.',
    });
  const library = options.model_lib ?? (await libraryIn(weights, options.device));
  const args = [
    ...engine.start(found),
    'serve',
    weights,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--api-key',
    key,
  ];
  if (library !== undefined) args.push('--model-lib', library);
  for (const [option, flag] of valued) if (options[option] !== undefined) args.push(flag, String(options[option]));
  args.push(...(await drafting(model, options)), ...overrides(options), ...(options.extra_args ?? []));
  return { args, env: environment(options) };
}

/** A draft model is an additional model; which way it drafts must be said. */
async function drafting(model: Model, { speculative_mode: mode, device }: ModelOptions): Promise<string[]> {
  const draft = directoryOf(model, 'draft');
  if (draft === undefined) return mode === undefined ? [] : ['--speculative-mode', mode];
  const library = await libraryIn(draft, device);
  return [
    '--additional-models',
    library === undefined ? draft : `${draft},${library}`,
    '--speculative-mode',
    mode ?? 'small_draft',
  ];
}

function overrides(options: ModelOptions): string[] {
  const said = overriding
    .filter((option) => options[option] !== undefined)
    .map((option) => `${option}=${String(options[option])}`);
  return said.length === 0 ? [] : ['--overrides', said.join(';')];
}

function directoryOf({ files }: Model, wanted: FileRole): string | undefined {
  return files.find(({ role }) => role === wanted)?.path;
}

/** No network: what is on this machine is all there is (mlc_llm/support/constants.py). */
function environment({ jit_policy }: ModelOptions): Record<string, string> {
  return {
    MLC_DOWNLOAD_CACHE_POLICY: 'READONLY',
    HF_HUB_OFFLINE: '1',
    PYTHONUNBUFFERED: '1',
    ...(jit_policy === undefined ? {} : { MLC_JIT_POLICY: jit_policy }),
  };
}
