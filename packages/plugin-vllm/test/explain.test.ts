import assert from 'node:assert/strict';
import { explain } from '../dist/explain.js';
import { modelOf } from './model.js';

interface Recorded {
  readonly of: string;
  readonly lines: readonly string[];
  readonly says: RegExp;
  readonly exit?: { readonly code: number | null; readonly signal: string | null; readonly outOfMemory?: boolean };
}

/**
 * The end of every failure of a worker, below its cause: its engine core, then the server, report that there
 * was one.
 */
const wrapper = [
  '(EngineCore pid=9) ERROR 11-25 23:06:05 [core.py:1510] EngineCore failed to start.',
  '(EngineCore pid=9) ERROR 11-25 23:06:05 [core.py:1510] Traceback (most recent call last):',
  '(EngineCore pid=9) ERROR 11-25 23:06:05 [core.py:1510]   File "/opt/vllm/v1/executor/multiproc_executor.py", line 815, in wait_for_ready',
  '(EngineCore pid=9) ERROR 11-25 23:06:05 [core.py:1510]     raise e from None',
  '(EngineCore pid=9) ERROR 11-25 23:06:05 [core.py:1510] Exception: WorkerProc initialization failed due to an exception in a background process. See stack trace for root cause.',
  'Traceback (most recent call last):',
  '  File "/opt/vllm/v1/engine/utils.py", line 1200, in wait_for_engine_startup',
  '    raise RuntimeError(',
  'RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}',
];

function explanation(lines: readonly string[], exit: Recorded['exit'] = { code: 1, signal: null }): string | undefined {
  return explain(['(APIServer pid=7) INFO 11-25 22:52:57 [api_utils.py:286] non-default args: {}', ...lines], {
    model: modelOf(),
    exit,
  });
}

const core = (text: string) => `(Worker pid=11) ERROR 11-25 23:05:56 [multiproc_executor.py:953] ${text}`;

/** As printed by the real vLLM 0.32.0 for CPUs. */
const real: readonly Recorded[] = [
  {
    of: 'an unknown architecture',
    lines: [
      '(APIServer pid=8201) ERROR 11-25 22:52:59 [repo_utils.py:124] Error parsing config for noarch: The checkpoint you are trying to load has model type `zzama` but Transformers does not recognize this architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out of date.',
      'Traceback (most recent call last):',
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      '  Value error, The checkpoint you are trying to load has model type `zzama` but Transformers does not recognize this architecture. This could be because of an issue with the checkpoint, or because your version of Transformers is out of date.',
    ],
    says: /^This vLLM does not know the architecture zzama\. Use a newer vLLM/,
  },
  {
    of: 'an architecture that only vLLM does not support',
    lines: [
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      "  Value error, Model architectures ['ZzamaForCausalLM'] are not supported for now. Supported architectures: dict_keys(['AfmoeForCausalLM', 'ApertusForCausalLM'])",
    ],
    says: /^This vLLM does not know the architecture 'ZzamaForCausalLM'\. Use a newer vLLM/,
  },
  {
    of: 'a configuration without a model type',
    lines: [
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      '  Value error, Unrecognized model in /models/tiny. Should have a `model_type` key in its config.json. [type=value_error, input_value=ArgsKwargs((), {}), input_type=ArgsKwargs]',
    ],
    says: /^\/models\/tiny has a config\.json that names no model_type/,
  },
  {
    of: 'a missing directory',
    lines: [
      "huggingface_hub.errors.HFValidationError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/models/tiny'. Use `repo_type` argument if needed.",
    ],
    says: /^\/models\/tiny does not exist\. Correct the path of the model\.$/,
  },
  {
    of: 'a context longer than the model supports',
    lines: [
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig',
      "  Value error, User-specified max_model_len (8192) is greater than the derived max_model_len (max_position_embeddings=4096.0 or model_max_length=None in model's config.json). To allow overriding this maximum, set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1.",
    ],
    says: /^max_model_len is 8192, and the model was made for 4096\. Lower it\.$/,
  },
  {
    of: 'incomplete weights',
    lines: [
      core('    raise ValueError('),
      core(
        "ValueError: Following weights were not initialized from checkpoint: {'model.layers.0.input_layernorm.weight', 'model.norm.weight'}",
      ),
      ...wrapper,
    ],
    says: /^The weights in \/models\/tiny cannot be read: a file is missing or damaged\. Download it again\.$/,
  },
  {
    of: 'heads that cannot be divided among devices',
    lines: [
      'pydantic_core._pydantic_core.ValidationError: 1 validation error for VllmConfig',
      "  Value error, Total number of attention heads (2) must be divisible by tensor parallel size (3). [type=value_error, input_value=ArgsKwargs((), {'model_co...}), input_type=ArgsKwargs]",
    ],
    says: /^tensor_parallel_size is 3, and the 2 attention heads of the model cannot be divided by it\. Choose a divisor of 2\.$/,
  },
  {
    of: 'a device that cannot sleep',
    lines: [
      '  Value error, Sleep mode is not supported on current platform. [type=value_error, input_value=ArgsKwargs((), {}), input_type=ArgsKwargs]',
    ],
    says: /^This device cannot put a model to sleep\. Leave sleep_level out\.$/,
  },
  {
    of: 'an unknown tool call parser',
    lines: [
      '  File "/opt/vllm/entrypoints/launchers/launcher.py", line 362, in validate_api_server_args',
      '    raise KeyError(',
      "KeyError: 'invalid tool call parser: nosuch (chose from { apertus,cohere_command3,deepseek_v3,hermes })'",
    ],
    says: /^This vLLM has no tool call parser "nosuch"\.$/,
  },
  {
    of: 'an unknown argument',
    lines: ['usage: vllm [-h] [-v]', 'vllm: error: unrecognized arguments: --no-such-flag 7'],
    says: /^This vLLM does not know the arguments --no-such-flag 7; leave the options/,
    exit: { code: 2, signal: null },
  },
  {
    of: 'a value outside the allowed ones',
    lines: [
      'Found duplicate keys --dtype',
      "vllm serve: error: argument --dtype: invalid choice: 'float7' (choose from 'auto', 'bfloat16')",
    ],
    says: /^vLLM refuses the value of --dtype: invalid choice: 'float7'/,
    exit: { code: 2, signal: null },
  },
];

/** From the sources of vLLM, or as people reported them: they need a GPU, or a race. */
const written: readonly Recorded[] = [
  {
    of: 'a port that is in use',
    lines: ['OSError: [Errno 98] Address already in use'],
    says: /^The port is in use by another program/,
  },
  {
    of: 'a device whose memory other processes use',
    lines: [
      core(
        'ValueError: Free memory on device cuda:0 (12.18/23.56 GiB) on startup is less than desired GPU memory utilization (0.92, 21.67 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.',
      ),
      ...wrapper,
    ],
    says: /^cuda:0 has 12\.18 GiB free, and gpu_memory_utilization 0\.92 requires 21\.67 GiB\. Lower gpu_memory_utilization/,
  },
  {
    of: 'weights that leave no memory for the context',
    lines: [
      core(
        'ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the engine.',
      ),
      ...wrapper,
    ],
    says: /^The weights leave no memory for a context\./,
  },
  {
    of: 'a context that does not fit, with the longest that fits',
    lines: [
      core(
        "ValueError: To serve at least one request with the model's max seq len (40960), (4.38 GiB KV cache is needed, which is larger than the available KV cache memory (1.02 GiB). Based on the available memory, the estimated maximum model length is 9536.",
      ),
      ...wrapper,
    ],
    says: /^A context of 40960 tokens does not fit the memory; 9536 would\. Set max_model_len to 9536, or to "auto"\.$/,
  },
  {
    of: 'a GPU without memory',
    lines: [core('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.'), ...wrapper],
    says: /^The GPU has too little memory\./,
  },
  {
    of: 'more GPUs than available',
    lines: ['ValueError: World size (4) is larger than the number of available GPUs (1) in this node.'],
    says: /^4 GPUs are requested and 1 are available\./,
  },
  {
    of: 'no device',
    lines: ['RuntimeError: Failed to infer device type, please set the environment variable'],
    says: /^This vLLM finds no device it was built for\./,
  },
  {
    of: 'a directory without a model',
    lines: ["ValueError: Invalid repository ID or local directory specified: '/models/tiny'."],
    says: /^\/models\/tiny is incomplete: config\.json is missing\./,
  },
  {
    of: 'a missing file',
    lines: ['OSError: /models/tiny does not appear to have a file named tokenizer.json.'],
    says: /^\/models\/tiny is incomplete: tokenizer\.json is missing\./,
  },
  {
    of: 'a model that requires trusted code',
    lines: [
      'ValueError: The repository tiny contains custom code which must be executed. Please pass the argument `trust_remote_code=True` to allow custom code to be run.',
    ],
    says: /set trust_remote_code to true\.$/,
  },
  {
    of: 'a dtype that does not fit the weights',
    lines: [
      'ValueError: torch.bfloat16 is not supported for quantization method awq. Supported dtypes: [torch.float16]',
    ],
    says: /^awq weights need another dtype: torch\.float16\.$/,
  },
  {
    of: 'an unknown error in an engine core',
    lines: [core('ValueError: something nobody has seen'), ...wrapper],
    says: /^vLLM failed: something nobody has seen\.$/,
  },
  {
    of: 'a kill by the kernel, out of memory',
    lines: [],
    exit: { code: null, signal: 'SIGKILL', outOfMemory: true },
    says: /^The system killed vLLM because memory ran out\./,
  },
];

describe('the reason why vLLM ended', () => {
  for (const { of, lines, says, exit } of [...real, ...written])
    it(`is reported for ${of}`, () => assert.match(explanation(lines, exit) ?? '', says));

  it('is not guessed when it printed nothing about it, or was stopped', () => {
    for (const exit of [
      { code: 1, signal: null },
      { code: 0, signal: null },
      { code: null, signal: 'SIGTERM' },
    ])
      assert.equal(explanation([], exit), undefined);
  });

  it('consists of sentences without line breaks', () => {
    for (const { lines, exit } of [...real, ...written]) assert.match(explanation(lines, exit) ?? '', /^[^\n]*\.$/);
  });
});
