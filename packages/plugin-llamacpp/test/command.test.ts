import assert from 'node:assert/strict';
import { LaminaError, type Launch, type Model } from '@lamina/core/plugin';
import { commandFor } from '../dist/command.js';
import { parseHelp } from '../dist/flags.js';
import type { ModelOptions } from '../dist/options.js';
import { help070, helpEarly2025 } from './help.js';
import { file, modelOf } from './model.js';

interface Parts {
  readonly model?: Model;
  readonly adapters?: readonly Model[];
  readonly options?: ModelOptions;
  readonly defaultArgs?: readonly string[];
  readonly help?: string | undefined;
}

function launch({ model = modelOf(), adapters = [], options = {}, defaultArgs, ...rest }: Parts): Launch<ModelOptions> {
  const help = 'help' in rest ? rest.help : help070;
  const engine = {
    executable: '/usr/bin/llama-server',
    version: '0.7.0',
    facts: help === undefined ? undefined : parseHelp(help),
  };
  return {
    model,
    adapters,
    options,
    instance: defaultArgs === undefined ? {} : { default_args: defaultArgs },
    port: 4711,
    key: 'secret',
    engine,
  };
}

function argsOf(parts: Parts): string {
  return commandFor(launch(parts)).args.join(' ');
}

/** The value that llama-server uses for a flag: the last one. */
function valueOf(parts: Parts, flag: string): string | undefined {
  const { args } = commandFor(launch(parts));
  const at = args.lastIndexOf(flag);
  return at < 0 ? undefined : args[at + 1];
}

function refusal(parts: Parts): string {
  try {
    commandFor(launch(parts));
  } catch (error) {
    assert.ok(LaminaError.is(error, 'CONFIG_INVALID'), String(error));
    return error.message;
  }
  return assert.fail('The command line was built without an error.');
}

describe('the command line of llama-server', () => {
  it('serves one model on one port of this machine, without the web page and without network access', () => {
    assert.equal(
      argsOf({}),
      '--port 4711 --host 127.0.0.1 --alias tiny --no-ui --offline --log-colors off --model /models/tiny.gguf --ctx-size 4096',
    );
  });

  it('passes the key in the environment only', () => {
    const { args, env } = commandFor(launch({}));
    assert.deepEqual(env, { LLAMA_API_KEY: 'secret' });
    assert.ok(!args.join(' ').includes('secret'));
  });

  it('leaves out optional flags that a build does not have, or has in another form', () => {
    assert.equal(
      argsOf({ help: helpEarly2025 }),
      '--port 4711 --host 127.0.0.1 --alias tiny --no-webui --model /models/tiny.gguf --ctx-size 4096',
    );
  });

  it('treats a build without help as a current one', () => {
    assert.equal(
      argsOf({ help: undefined, options: { flash_attention: 'on', gpu_layers: 'all' } }),
      argsOf({ options: { flash_attention: 'on', gpu_layers: 'all' } }),
    );
  });

  it('rejects an option whose flag the build lacks, and names option, flag and version', () => {
    const message = refusal({ help: helpEarly2025, options: { reasoning: 'off' } });
    assert.equal(
      message,
      'The option "reasoning" needs the flag --reasoning, which this llama-server (version 0.7.0) does not have. Use another build, or leave it out.',
    );
    assert.match(
      refusal({
        help: helpEarly2025,
        model: modelOf({ files: [file('weights', '/m.gguf'), file('projector', '/p.gguf')] }),
      }),
      /^The projector of the model needs the flag --mmproj/,
    );
  });

  it('replaces commas in the alias, which is a list', () => {
    assert.equal(valueOf({ model: modelOf({ name: 'org/a,b:q4' }) }, '--alias'), 'org/a_b:q4');
  });

  it('passes the first of several weights files', () => {
    const files = [1, 2, 3].map((part) => file('weights', `/m-0000${part}-of-00003.gguf`));
    assert.equal(valueOf({ model: modelOf({ files }) }, '--model'), '/m-00001-of-00003.gguf');
  });
});

describe('options on the command line', () => {
  it('become flags with their values', () => {
    assert.match(argsOf({ options: { threads: 3, parallel: 2 } }), / --parallel 2 --threads 3$/);
  });

  it('set the context per request, so it is multiplied by the number of parallel requests', () => {
    assert.equal(valueOf({ options: { context_length: 1000 } }, '--ctx-size'), '1000');
    assert.equal(valueOf({ options: { context_length: 1000, parallel: 4 } }, '--ctx-size'), '4000');
    assert.equal(valueOf({ options: { context_length: 1000 }, defaultArgs: ['-np', '2'] }, '--ctx-size'), '2000');
    assert.equal(
      valueOf({ options: { context_length: 1000, parallel: 4 }, defaultArgs: ['-np', '2'] }, '--ctx-size'),
      '4000',
    );
  });

  it('become lists with commas and objects as JSON', () => {
    const parts: Parts = {
      help: undefined,
      options: { devices: ['CUDA0', 'CUDA1'], tensor_split: [3, 1], chat_template_kwargs: { enable_thinking: false } },
    };
    assert.equal(valueOf(parts, '--device'), 'CUDA0,CUDA1');
    assert.equal(valueOf(parts, '--tensor-split'), '3,1');
    assert.equal(valueOf(parts, '--chat-template-kwargs'), '{"enable_thinking":false}');
  });

  it('come before the raw arguments', () => {
    assert.match(
      argsOf({ options: { threads: 3, extra_args: ['--threads', '5', '--metrics'] } }),
      /--threads 3 --threads 5 --metrics$/,
    );
  });

  it('set GPU layers in words if the build accepts words, else as a number', () => {
    assert.equal(valueOf({ options: { gpu_layers: 'all' } }, '--gpu-layers'), 'all');
    assert.equal(valueOf({ options: { gpu_layers: 'all' }, help: helpEarly2025 }, '--gpu-layers'), '999');
    assert.equal(valueOf({ options: { gpu_layers: 'auto' }, help: helpEarly2025 }, '--gpu-layers'), undefined);
    assert.equal(valueOf({ options: { gpu_layers: 0 }, help: helpEarly2025 }, '--gpu-layers'), '0');
  });

  it('set flash attention as a value, or as a switch in older builds', () => {
    assert.equal(valueOf({ options: { flash_attention: 'off' } }, '--flash-attn'), 'off');
    assert.match(argsOf({ options: { flash_attention: 'on' }, help: helpEarly2025 }), /--flash-attn$/);
    assert.doesNotMatch(argsOf({ options: { flash_attention: 'off' }, help: helpEarly2025 }), /--flash-attn/);
  });

  it('set how weights are loaded as a mode, or as switches in older builds', () => {
    const modes = [
      { mmap: false },
      { mmap: true },
      { mlock: true },
      { mmap: false, mlock: true },
      { mlock: false },
    ].map((options) => valueOf({ options }, '--load-mode'));
    assert.deepEqual(modes, ['none', 'mmap', 'mmap+mlock', 'mlock', undefined]);
    assert.match(argsOf({ options: { mmap: false, mlock: true }, help: helpEarly2025 }), /--no-mmap --mlock$/);
  });

  it('use the name that a flag has in this build', () => {
    assert.equal(valueOf({ options: { draft_max: 8 } }, '--spec-draft-n-max'), '8');
    assert.equal(valueOf({ options: { draft_max: 8 }, help: helpEarly2025 }, '--draft-max'), '8');
  });

  it('enable the template engine before a template is passed', () => {
    const args = argsOf({ help: undefined, options: { chat_template: 'x', jinja: true } });
    assert.ok(args.indexOf('--jinja') < args.indexOf('--chat-template'));
  });
});

describe('the files of a model besides its weights', () => {
  const projector = modelOf({ files: [file('weights', '/m.gguf'), file('projector', '/p.gguf')] });
  const draft = modelOf({ files: [file('weights', '/m.gguf'), file('draft', '/d.gguf')] });

  it('include its projector, unless that is disabled', () => {
    assert.equal(valueOf({ model: projector }, '--mmproj'), '/p.gguf');
    assert.equal(valueOf({ model: projector, options: { projector: false } }, '--mmproj'), undefined);
  });

  it('include its draft model, and how to use it when the build requires that', () => {
    assert.equal(valueOf({ model: draft }, '--model-draft'), '/d.gguf');
    assert.equal(valueOf({ model: draft }, '--spec-type'), 'draft-simple');
    assert.equal(valueOf({ model: draft, options: { draft_type: 'draft-eagle3' } }, '--spec-type'), 'draft-eagle3');
    assert.equal(valueOf({ model: draft, help: helpEarly2025 }, '--spec-type'), undefined);
  });

  it('include its adapters in order, with quoted paths when the flag is a list', () => {
    const adapters = ['/a.gguf', '/b,"c".gguf'].map((path, index) =>
      modelOf({ name: `adapter-${index}`, base: 'tiny', files: [file('adapter', path)] }),
    );
    assert.match(
      argsOf({ adapters }),
      /--lora \/a\.gguf --lora "\/b,""c""\.gguf" --lora-init-without-apply --ctx-size 4096$/,
    );
    assert.match(argsOf({ adapters, help: helpEarly2025 }), /--lora \/a\.gguf --lora \/b,"c"\.gguf --ctx-size 4096$/);
  });

  it('set the mode that its header requires', () => {
    assert.match(argsOf({ model: modelOf({ metadata: { pooling: 'mean' } }) }), /--embeddings$/);
    assert.match(argsOf({ model: modelOf({ metadata: { pooling: 'rank' } }) }), /--reranking$/);
    assert.doesNotMatch(
      argsOf({ model: modelOf({ metadata: { pooling: 'mean' } }), options: { embeddings: false } }),
      /--embedding/,
    );
    assert.match(argsOf({ options: { embeddings: true } }), /--embeddings$/);
  });
});
