// Explains in a sentence a person can act on why llama-server ended, from its output.
import { firstMatch, ggufProblem, type Model } from '@lamina/core/plugin';

interface EngineEnd {
  readonly model: Model;
  readonly exit: { readonly code: number | null; readonly signal: string | null; readonly outOfMemory?: boolean };
}

type Sentence = (match: RegExpExecArray, lines: readonly string[]) => string;

const smaller = 'Choose a smaller or more strongly quantised model';

const fileProblem = (lines: readonly string[]) => ggufProblem(lines, 'this llama-server');

/** Matched in this order: causes before their effects. */
const failures: readonly (readonly [pattern: RegExp, sentence: Sentence])[] = [
  [
    /couldn't bind HTTP server socket, hostname: (\S+), port: (\d+)/,
    ([, host, port]) => `Port ${port} of ${host} is in use by another program; the next start tries another port.`,
  ],
  [
    /error while loading shared libraries: (\S+?):/,
    ([, library]) => `llama-server cannot run: its library ${library} is not installed. Reinstall all of llama.cpp.`,
  ],
  [
    /version `(\S+)' not found/,
    ([, version]) => `llama-server cannot run: it was built for a newer system (${version}). Use a build for this one.`,
  ],
  [
    /no backends are loaded/,
    () => 'This llama-server finds none of its compute backends (libggml-*). Reinstall all of llama.cpp.',
  ],
  [
    /error: invalid argument: (\S+)/,
    ([, flag]) => `This llama-server does not know the argument ${flag}; remove it from default_args and extra_args.`,
  ],
  [
    /error while handling argument "(.+?)": the argument has been removed\.? ?(.*)/,
    ([, flag, advice]) => `This llama-server no longer has the argument ${flag}: ${advice}.`,
  ],
  [
    /error while handling argument ".+?": invalid device: (.*)/,
    ([, device]) => `This llama-server has no device "${device}"; "llama-server --list-devices" lists its devices.`,
  ],
  [
    /error while handling argument "(.+?)": (?:error: )?failed to open file '(.*)'/,
    ([, flag, path]) => `The file ${path}, given with ${flag}, cannot be read; correct its path.`,
  ],
  [
    /error while handling (?:argument|environment variable) "(.+?)": (?:error: )?(.*)/,
    ([, flag, problem]) =>
      `The value of ${flag} is wrong: ${valueProblem(problem ?? '')}. Correct the option or argument it comes from.`,
  ],
  [
    /failed to load draft model, '(.*)'/,
    ([, path], lines) =>
      `The draft model cannot be used: ${path} ${fileProblem(lines) ?? 'was refused by llama-server'}.`,
  ],
  [
    /failed to load lora adapter '(.*)'/,
    ([, path], lines) => `The adapter cannot be used: ${path} ${adapterProblem(lines)}.`,
  ],
  [
    /failed to load multimodal model, '(.*)'/,
    ([, path], lines) =>
      `The projector cannot be used: ${path} ${fileProblem(lines) ?? 'is not a projector, or not one of this model'}.`,
  ],
  [
    /V cache quantization requires flash_attn|quantized V cache requires flash_attn/,
    () => 'A quantised cache_type_v needs flash attention: set flash_attention to "on", or leave cache_type_v out.',
  ],
  [
    /([KV]) cache type (\S+) with block size \d+ does not divide/,
    ([, which, type]) =>
      `The option "cache_type_${which?.toLowerCase()}" cannot be "${type}" for this model: its heads are too small. Use "f16".`,
  ],
  [
    /the supplied chat template is not supported|failed to (?:initialize|apply) (?:the )?(?:chat )?template/,
    () =>
      'The chat template cannot be used: correct chat_template or chat_template_file, or leave them out to use the one of the model.',
  ],
  [
    /n_seq_max must be <= (\d+)/,
    ([, most]) => `The option "parallel" is too large: the maximum of this llama-server is ${most}.`,
  ],
  [
    /failed to allocate buffer for kv cache|failed to allocate memory for kv cache/,
    (_, lines) =>
      `There is not enough memory for a context this long${requested(lines)}. Lower context_length or parallel, or set cache_type_k and cache_type_v to "q8_0".`,
  ],
  [
    /(?:unable|failed) to allocate ((?!CPU)\w+) buffer/,
    ([, device], lines) =>
      `${device} has too little free memory${requested(lines)}. Lower gpu_layers or context_length, stop what else uses the device, or choose a smaller model.`,
  ],
  [
    /cudaMalloc failed: out of memory|CUDA error: out of memory|ErrorOutOfDeviceMemory/,
    (_, lines) =>
      `The GPU has too little free memory${requested(lines)}. Lower gpu_layers or context_length, stop what else uses it, or choose a smaller model.`,
  ],
  [
    /unable to allocate CPU\w* buffer|failed to allocate compute buffers|insufficient memory|std::bad_alloc/,
    (_, lines) => `There is not enough memory${requested(lines)}. ${smaller}, or lower context_length.`,
  ],
  [
    /GGML_ASSERT\((.*)\) failed/,
    ([, check]) =>
      `llama-server failed an internal check (${check}): a bug in it, or incompatible options. Remove unusual options, or use another build.`,
  ],
];

/** The engine's own message when nothing above matches: the first line of level E, or an `error:` of an older build. */
const ownMessages = [/error loading model: (.+)/, /^[\d.]+ E (?:\w+ +)?\S+: (.+)/, /^error: (.+)/] as const;

/**
 * Why llama-server ended, as one sentence; `undefined` when it is not known. One that was stopped or killed from
 * outside printed nothing about it: the lines before belong to its work.
 */
export function explain(output: readonly string[], { model, exit }: EngineEnd): string | undefined {
  if (exit.outOfMemory === true)
    return `The system killed llama-server because memory ran out. ${smaller}, or lower context_length.`;
  if (exit.code === 0 || (exit.signal !== null && exit.signal !== 'SIGABRT')) return reasonOfSignal(exit.signal);
  for (const [pattern, sentence] of failures) {
    const match = firstMatch(output, pattern);
    if (match !== undefined) return sentence(match, output);
  }
  const problem = fileProblem(output);
  if (problem !== undefined) return `${weightsOf(model)} ${problem}.`;
  return ownReason(output);
}

function weightsOf(model: Model): string {
  return model.files.find(({ role }) => role === 'weights')?.path ?? 'The model file';
}

/** C++ names the function that failed to read a number. */
function valueProblem(problem: string): string {
  return /^sto[a-z]+$/.test(problem) ? 'it is not a number' : problem.replace(/[.\s]+$/, '');
}

function adapterProblem(lines: readonly string[]): string {
  if (firstMatch(lines, /expect general\.type to be 'adapter'/) !== undefined) return 'is not an adapter but a model';
  const detail = firstMatch(lines, /failed to apply lora adapter: (.+)/)?.[1];
  return (
    fileProblem(lines) ??
    `does not fit the model${detail === undefined ? '' : ` (${detail})`}; it must be a LoRA in GGUF, made for this model`
  );
}

/** The requested amount; ggml reports MiB or bytes. */
function requested(lines: readonly string[]): string {
  const mebibytes = firstMatch(lines, /attempted to allocate ([\d.]+) MB|allocating ([\d.]+) MiB/);
  const bytes = firstMatch(lines, /(?:buffer )?of size (\d+)/)?.[1];
  const amount = mebibytes === undefined ? Number(bytes) : Number(mebibytes[1] ?? mebibytes[2]) * 1024 * 1024;
  return Number.isFinite(amount) ? ` (${(amount / 1e9).toFixed(1)} GB were requested at once)` : '';
}

function reasonOfSignal(signal: string | null): string | undefined {
  if (signal === 'SIGILL')
    return 'llama-server was built for a newer processor than this one. Use a build for this machine.';
  if (signal === 'SIGSEGV' || signal === 'SIGBUS')
    return `llama-server crashed (${signal}). The model file may be damaged: download it again; or use another build.`;
  return undefined;
}

/** Errors of requests have level E too; only a failed start ends with these lines. */
function ownReason(output: readonly string[]): string | undefined {
  const failed = firstMatch(output, /exiting due to|^error: /);
  const match =
    failed && ownMessages.map((pattern) => firstMatch(output, pattern)).find((found) => found !== undefined);
  return match?.[1] === undefined ? undefined : `llama-server failed: ${match[1].replace(/\.?\s*$/, '.')}`;
}
