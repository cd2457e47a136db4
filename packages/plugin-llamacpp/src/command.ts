// Turns a model and its options into the command line of llama-server.
import {
  cores,
  defaultContext,
  LaminaError,
  type Command,
  type Launch,
  type Model,
  type ProcessOptions,
} from '@lamina/core/plugin';
import { CommandLine } from './command-line.js';
import { fileOf, filesOf } from './files.js';
import type { Flags } from './flags.js';
import type { ModelOptions } from './options.js';
import { servesEmbeddings, servesRanking } from './pooling.js';
import { effectiveOptions } from './raw-arguments.js';

type OptionName = keyof ModelOptions;

/**
 * Options that are one flag with one value; lists are joined by commas, objects written as JSON. Flags of newer builds
 * come first.
 */
const valued: readonly (readonly [option: OptionName, ...flags: string[]])[] = [
  ['parallel', '--parallel'],
  ['devices', '--device'],
  ['tensor_split', '--tensor-split'],
  ['split_mode', '--split-mode'],
  ['main_gpu', '--main-gpu'],
  ['threads', '--threads'],
  ['batch_size', '--batch-size'],
  ['ubatch_size', '--ubatch-size'],
  ['cache_type_k', '--cache-type-k'],
  ['cache_type_v', '--cache-type-v'],
  ['cache_ram', '--cache-ram'],
  ['pooling', '--pooling'],
  ['draft_max', '--spec-draft-n-max', '--draft-max'],
  ['draft_min', '--spec-draft-n-min', '--draft-min'],
  ['draft_gpu_layers', '--gpu-layers-draft'],
  ['chat_template', '--chat-template'],
  ['chat_template_file', '--chat-template-file'],
  ['chat_template_kwargs', '--chat-template-kwargs'],
  ['reasoning', '--reasoning'],
  ['reasoning_format', '--reasoning-format'],
  ['reasoning_budget', '--reasoning-budget'],
];

/**
 * The command line of a start. llama-server uses the last of two conflicting flags, so options override `default_args`,
 * and `extra_args` override both. The key is passed by environment: every user of the machine can read the arguments of
 * a process.
 * @throws LaminaError `CONFIG_INVALID` when an option needs a flag that this build does not have, `MODEL_FILES_MISSING`
 * without weights
 */
export function commandFor({ model, adapters, options, instance, port, key, engine }: Launch<ModelOptions>): Command {
  const line = new CommandLine(engine.facts as Flags | undefined, engine.version);
  addServer(line, model, port);
  addFiles(line, model, adapters, options);
  addContext(line, model, options, (instance as ProcessOptions).default_args);
  addMemory(line, options);
  addTemplateEngine(line, options);
  addThreads(line, options, (instance as ProcessOptions).default_args);
  for (const [option, ...flags] of valued) {
    const value = options[option];
    if (value !== undefined) line.need(`The option "${option}"`, flags, textOf(value));
  }
  if (servesEmbeddings(model, options)) line.need('Serving embeddings', ['--embeddings', '--embedding']);
  if (servesRanking(model, options)) line.need('Serving rerank', ['--reranking', '--rerank']);
  return { args: [...line.args, ...(options.extra_args ?? [])], env: { LLAMA_API_KEY: key } };
}

function addServer(line: CommandLine, model: Model, port: number): void {
  line.need('Serving on a port', ['--port'], port);
  line.need('Serving on this machine alone', ['--host'], '127.0.0.1');
  // The alias is a comma-separated list without escapes; the id it becomes is only read by people.
  line.prefer(['--alias'], model.name.replaceAll(',', '_'));
  line.prefer(['--no-ui', '--no-webui']);
  line.prefer(['--offline']);
  line.prefer(['--log-colors'], 'off');
}

function addFiles(line: CommandLine, model: Model, adapters: readonly Model[], options: ModelOptions): void {
  line.need('A model', ['--model'], weightsOf(model));
  const projector = fileOf(model, 'projector');
  if (projector !== undefined && options.projector !== false)
    line.need('The projector of the model', ['--mmproj'], projector);
  const draft = fileOf(model, 'draft');
  if (draft !== undefined) addDraft(line, draft, options);
  for (const path of filesOf(adapters, 'adapter'))
    line.need('An adapter', ['--lora'], line.mentions('--lora', 'comma-separated') ? quoted(path) : path);
  if (adapters.length > 0) line.prefer(['--lora-init-without-apply']);
}

/** Without a model llama-server would start as a router. */
function weightsOf(model: Model): string {
  const path = fileOf(model, 'weights');
  if (path === undefined)
    throw new LaminaError('MODEL_FILES_MISSING', {
      model: model.name,
      missing: ['it has no weights'],
      hint: 'Correct its path in the manifest.',
    });
  return path;
}

/** Builds with `--spec-type` load a draft model but do not use it without that flag (seen with 0.7.0). */
function addDraft(line: CommandLine, path: string, { draft_type }: ModelOptions): void {
  line.need('A draft model', ['--model-draft'], path);
  if (draft_type !== undefined) line.need('The option "draft_type"', ['--spec-type'], draft_type);
  else line.prefer(['--spec-type'], 'draft-simple');
}

/**
 * The option is per request; `--ctx-size` is divided among requests as soon as `--parallel` is set. Without it
 * llama-server would take as much as fits in all memory of the machine.
 */
function addContext(
  line: CommandLine,
  model: Model,
  options: ModelOptions,
  defaultArgs: readonly string[] | undefined,
): void {
  const { parallel = 1, context_length } = effectiveOptions(options, defaultArgs);
  const length = options.context_length ?? (context_length === undefined ? defaultContext(model) : undefined);
  if (length !== undefined) line.need('The option "context_length"', ['--ctx-size'], length * parallel);
}

function addMemory(line: CommandLine, options: ModelOptions): void {
  const { gpu_layers, flash_attention, cpu_moe_layers } = options;
  if (gpu_layers !== undefined) addGpuLayers(line, gpu_layers);
  if (flash_attention !== undefined) addFlashAttention(line, flash_attention);
  if (cpu_moe_layers === 'all') line.need('The option "cpu_moe_layers"', ['--cpu-moe']);
  else if (cpu_moe_layers !== undefined) line.need('The option "cpu_moe_layers"', ['--n-cpu-moe'], cpu_moe_layers);
  addLoadMode(line, options);
}

/**
 * Older builds accept only a number: more layers than any model has mean all, and no flag means auto.
 */
function addGpuLayers(line: CommandLine, layers: number | 'auto' | 'all'): void {
  const word = typeof layers === 'number' || line.mentions('--gpu-layers', `'${layers}'`) ? layers : undefined;
  const value = word ?? (layers === 'all' ? 999 : undefined);
  if (value !== undefined) line.need('The option "gpu_layers"', ['--gpu-layers'], value);
}

/** In older builds the flag is a switch without a value. */
function addFlashAttention(line: CommandLine, mode: 'on' | 'off' | 'auto'): void {
  const what = 'The option "flash_attention"';
  if (line.takesValue('--flash-attn')) line.need(what, ['--flash-attn'], mode);
  else if (mode === 'on') line.need(what, ['--flash-attn']);
}

/** One flag in newer builds, two switches in older ones. */
function addLoadMode(line: CommandLine, { mmap, mlock }: ModelOptions): void {
  if (line.has('--load-mode')) {
    const mode = loadMode(mmap, mlock === true);
    if (mode !== undefined) line.need('The options "mmap" and "mlock"', ['--load-mode'], mode);
    return;
  }
  if (mmap === false) line.need('The option "mmap"', ['--no-mmap']);
  if (mlock === true) line.need('The option "mlock"', ['--mlock']);
}

function loadMode(mmap: boolean | undefined, mlock: boolean): string | undefined {
  if (mlock) return mmap === false ? 'mlock' : 'mmap+mlock';
  if (mmap === undefined) return undefined;
  return mmap ? 'mmap' : 'none';
}

/** By itself llama-server takes all cores of the machine, however few of them it may use. */
function addThreads(line: CommandLine, options: ModelOptions, defaultArgs: readonly string[] | undefined): void {
  const { all, usable } = cores();
  if (usable < all && effectiveOptions(options, defaultArgs).threads === undefined)
    line.prefer(['--threads'], String(usable));
}

/** Comes before the chat template: only with it is any other than the built-in templates accepted. */
function addTemplateEngine(line: CommandLine, { jinja }: ModelOptions): void {
  if (jinja === true) line.need('The option "jinja"', ['--jinja']);
  if (jinja === false) line.prefer(['--no-jinja']);
}

function textOf(value: Exclude<ModelOptions[OptionName], undefined>): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A path for a list separated by commas, as a field of CSV. */
function quoted(path: string): string {
  return /[",]/.test(path) ? `"${path.replaceAll('"', '""')}"` : path;
}
