// Explains in a sentence a person can act on why MLC-LLM ended, from its output.
import { lastException, pythonFailures, type KnownFailure, type Model } from '@lamina/core/plugin';

const directoryOf = ({ files }: Model) => files.find(({ role }) => role === 'weights')?.path ?? 'The model';

/**
 * The texts are those of mlc_llm/serve/engine_base.py, interface/jit.py, support/auto_device.py, cpp/serve/config.cc,
 * and of uvicorn.
 */
const known: readonly KnownFailure[] = [
  [
    /\[Errno \d+\] error while attempting to bind on address .*address already in use/i,
    () => 'The port was taken by another program while the model was loaded; the next start tries another port.',
  ],
  [
    /Cannot find model (.+), directory does not exist/,
    ([, path]) => `${path} does not exist. Correct the path of the model.`,
  ],
  [
    /Cannot find \S*mlc-chat-config\.json in the model directory/,
    (_, { model }) =>
      `${directoryOf(model)} is not a model of MLC-LLM: mlc-chat-config.json is missing. Download it again, or make it with "mlc_llm gen_config".`,
  ],
  [
    /validation errors? for MLCChatConfig|JSONDecodeError/,
    (_, { model }) =>
      `The mlc-chat-config.json in ${directoryOf(model)} cannot be read: the model is damaged, or was made for another version of MLC-LLM. Download it again.`,
  ],
  [
    /The `model_lib` you passed in is not a file: (.+?)\.?(?:\n|$)/,
    ([, path]) => `There is no model library ${path}. Correct model_lib, or leave it out: MLC-LLM then compiles one.`,
  ],
  [
    /Device is not found on your local environment: (\S+)/,
    ([, device]) =>
      `This MLC-LLM finds no device ${device} here. Correct device, install its driver, or use the MLC-LLM that was built for it.`,
  ],
  [
    /Invalid device name: (\S+)/,
    ([, device]) => `This MLC-LLM does not know the device ${device}. Correct the option device.`,
  ],
  [
    /No available device detected/,
    () =>
      'This MLC-LLM finds no device it was built for. Install the driver of the GPU, or the MLC-LLM made for processors.',
  ],
  [
    /JIT is disabled by MLC_JIT_POLICY=(\S+)/,
    ([, policy]) =>
      `The model has no compiled library, and jit_policy ${policy} forbids compiling one. Set model_lib, or set jit_policy to ON.`,
  ],
  [
    /Cannot find compilation output, compilation failed/,
    (_, { output }) =>
      `The model library could not be compiled: ${reasonOfCompiler(output)} Compiling needs the toolchain of the device; you can also set model_lib to a compiled library.`,
  ],
  [
    /available single GPU memory is ([\d.]+) MB, which is less than the sum of model weight size \(([\d.]+) MB\)/,
    ([, there, weights]) =>
      `The device has ${there} MB for the model, and its weights alone are ${weights} MB; the rest is work space. Lower prefill_chunk_size or max_num_sequence, raise gpu_memory_utilization, or choose a smaller model.`,
  ],
  [
    /Insufficient GPU memory error/,
    () =>
      'The device has too little memory for the model. Lower context_window_size, prefill_chunk_size or max_num_sequence, raise gpu_memory_utilization, or choose a smaller model.',
  ],
  [
    /out of memory|OutOfMemory|ErrorOutOfDeviceMemory/,
    () =>
      'The device has too little free memory. Stop what else uses it, lower gpu_memory_utilization or context_window_size, or choose a smaller model.',
  ],
  [
    /Cannot find any tokenizer under: (\S+)/,
    ([, path]) => `${path} has no tokenizer: the model is incomplete. Download it again.`,
  ],
  [/Cannot open (\S+)/, ([, path]) => `${path} cannot be opened: the model is incomplete. Download it again.`],
  [
    /No module named '?(tvm\w*|mlc_llm)\b/,
    ([, module]) =>
      `MLC-LLM is incomplete: its Python module ${module} is missing. Install mlc-ai and mlc-llm of the same kind, both.`,
  ],
];

/** Why MLC-LLM ended, as one sentence; `undefined` when it is not known. */
export const explain = pythonFailures({
  name: 'MLC-LLM',
  known,
  whenKilled: 'Choose a smaller or more strongly quantised model, or lower context_window_size.',
});

/** The error of the compiler, a process of its own that writes before its caller fails. */
function reasonOfCompiler(output: readonly string[]): string {
  const end = output.findIndex((line) => line.includes('Cannot find compilation output'));
  const start = output.slice(0, end).findLastIndex((line) => line.includes('Compiling using commands below'));
  return lastException(output.slice(Math.max(start, 0), end)) ?? 'the compiler gave no reason.';
}
