// Loads the model and what the routes need.
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { ContextOptions, EmbeddingContext, Llama, Model, NodeLlamaCpp } from './binding.js';
import { Prompts, type Template } from './prompt.js';
import { Sequences } from './sequences.js';
import type { ServerSettings } from './settings.js';

/** Generates text. */
export interface Generator {
  readonly prompts: Prompts;
  readonly sequences: Sequences;
}

/** Computes embeddings. */
export interface Embedder {
  readonly context: EmbeddingContext;
  readonly contextLength: number;
}

/** The engine: one model, with a generator or an embedder. */
export interface Engine {
  readonly library: NodeLlamaCpp;
  readonly llama: Llama;
  readonly model: Model;
  readonly name: string;
  readonly generator?: Generator;
  readonly embedder?: Embedder;
}

/** Loads the model and prints the progress. @throws the errors of the library */
export async function loadEngine(settings: ServerSettings): Promise<Engine> {
  const { options, gpu } = settings;
  const from = createRequire(join(settings.directory, 'package.json'));
  const library = await importFrom<NodeLlamaCpp>(from, 'node-llama-cpp');
  const llama = await library.getLlama({
    gpu,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: 'warn',
    logger: (level, message) => void process.stderr.write(`llama.cpp ${level}: ${message.trimEnd()}\n`),
  });
  // The library's default is at least 4 even on fewer cores. Of two kinds of cores it counts the fast ones.
  const threads = options.threads ?? Math.min(settings.cores, llama.cpuMathCores);
  llama.maxThreads = threads;
  const model = await load(llama, settings);
  const base = { library, llama, model, name: settings.name };
  printProgress('making context');
  if (options.embeddings === true) return { ...base, embedder: await embedder(model, settings, threads) };
  const context = await model.createContext(contextOptions(settings, threads));
  const sequences = new Sequences(Array.from({ length: context.totalSequences }, () => context.getSequence()));
  const template = await templateOf(from, options.chat_template ?? model.fileInfo.metadata.tokenizer?.chat_template);
  return {
    ...base,
    generator: { sequences, prompts: new Prompts(library, model, template, options.chat_template_kwargs ?? {}) },
  };
}

async function load(llama: Llama, { path, options }: ServerSettings): Promise<Model> {
  const { gpu_layers = 'auto', mmap, mlock } = options;
  let reported = 0;
  printProgress('loading weights', 0);
  return llama.loadModel({
    modelPath: path,
    gpuLayers: gpu_layers === 'all' ? 'max' : gpu_layers,
    ...(mmap === undefined ? {} : { useMmap: mmap }),
    ...(mlock === undefined ? {} : { useMlock: mlock }),
    onLoadProgress: (ratio) => {
      if (ratio < reported + 0.05) return;
      reported = ratio;
      printProgress('loading weights', ratio);
    },
  });
}

/** A requested context is created or refused, never reduced. */
function contextOptions({ options }: ServerSettings, threads: number): ContextOptions {
  const { parallel = 1, context_length, batch_size, flash_attention = 'auto' } = options;
  return {
    sequences: parallel,
    contextSize: context_length ?? 'auto',
    flashAttention: flash_attention === 'auto' ? 'auto' : flash_attention === 'on',
    ...(context_length === undefined ? {} : { failedCreationRemedy: false as const }),
    ...(batch_size === undefined ? {} : { batchSize: batch_size }),
    threads,
  };
}

async function embedder(model: Model, { options }: ServerSettings, threads: number): Promise<Embedder> {
  const contextLength = options.context_length ?? model.trainContextSize;
  return { contextLength, context: await model.createEmbeddingContext({ contextSize: contextLength, threads }) };
}

async function templateOf(
  from: NodeJS.Require,
  text: string | undefined,
): Promise<{ text: string; parsed?: Template } | undefined> {
  if (text === undefined || text.trim() === '') return undefined;
  const { Template } = await importFrom<{ Template: new (text: string) => Template }>(from, '@huggingface/jinja');
  try {
    return { text, parsed: new Template(text) };
  } catch {
    return { text }; // The library falls back on its own renderers.
  }
}

async function importFrom<T>(from: NodeJS.Require, name: string): Promise<T> {
  return (await import(pathToFileURL(from.resolve(name)).href)) as T;
}

/** Prints a line that the plugin reads as progress. */
function printProgress(stage: string, ratio?: number): void {
  process.stdout.write(`progress: ${stage}${ratio === undefined ? '' : ` ${ratio.toFixed(2)}`}\n`);
}
