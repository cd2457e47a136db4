// lamina import llama-swap: what becomes of a configuration of llama-swap, and what the command says about the rest.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { fakeEngine } from '@lamina/testing';
import { Folder } from './support/command.js';

interface Document {
  readonly added: {
    readonly models?: Record<string, Record<string, unknown>>;
    readonly backends?: Record<string, Record<string, unknown>>;
    readonly groups?: Record<string, { readonly models: readonly string[]; readonly max_loaded: number }>;
  };
  readonly known: readonly string[];
  readonly notes: readonly { readonly what: string; readonly message: string; readonly left_out: boolean }[];
}

const presets = ['--plugin', '@lamina/plugin-virtual-models'];
const node = process.execPath;

describe('lamina import llama-swap', function () {
  this.timeout(60_000);
  let folder: Folder;
  let config: string;
  beforeEach(async () => {
    folder = await Folder.make();
    config = folder.file('config.yaml');
  });
  afterEach(() => folder.remove());

  const run = (...args: readonly string[]) => folder.here('import', 'llama-swap', config, ...args);
  const read = async (text: string, ...args: readonly string[]) => {
    await writeFile(config, text);
    const { code, stdout, stderr } = await run('--json', '--dry-run', ...args);
    assert.deepEqual([code, stderr], [0, '']);
    const { added, notes } = JSON.parse(stdout) as Document;
    const { models = {}, backends = {}, groups = {} } = added;
    const noteOf = (what: string) => notes.find((note) => note.what === what)?.message;
    return { models, backends, groups, notes, noteOf };
  };
  /** Models whose commands do not matter, under names that need no quotes. */
  const plain = (...names: readonly string[]) =>
    `models:\n${names.map((name) => `  ${name}: { cmd: 'serve --port \${PORT}' }\n`).join('')}`;

  it('makes options of the flags of llama-server, and passes on the others', async () => {
    const { models, backends, noteOf } = await read(`
startPort: 9100
macros:
  server: llama-server --host 127.0.0.1 --port \${PORT}
  ctx: 8192
  sized: --ctx-size \${ctx}
models:
  qwen:
    macros: { ctx: 4096 }
    cmd: |
      # \${nothing} is a comment
      \${server} -m qwen.gguf --mmproj /m/mmproj.gguf \${sized} -np 2 -ngl 99 \\
      -fa on -ctk q8_0 --jinja --no-mmap --temp 0.6 --alias \${MODEL_ID}
    proxy: http://127.0.0.1:\${PORT}
  large:
    cmd: \${server} --model /m/large.gguf \${sized} --lora /m/a.gguf
`);
    assert.deepEqual(models['qwen'], {
      path: folder.file('qwen.gguf'),
      projector: '/m/mmproj.gguf',
      options: {
        parallel: 2,
        context_length: 2048,
        gpu_layers: 99,
        flash_attention: 'on',
        cache_type_k: 'q8_0',
        jinja: true,
        mmap: false,
        extra_args: ['--temp', '0.6'],
      },
      backend: 'llama.cpp',
      limits: { idle_timeout: 0 },
    });
    assert.deepEqual(models['large']!['options'], { context_length: 8192, extra_args: ['--lora', '/m/a.gguf'] });
    assert.deepEqual(backends, {});
    assert.match(noteOf('startPort')!, /free port/);
  });

  it('makes one backend for models with the same llama-server and environment', async () => {
    const { models, backends } = await read(`
models:
  a: { cmd: './bin/llama-server-b6000 --port \${PORT} -m a.gguf' }
  b: { cmd: './bin/llama-server-b6000 --port \${PORT} -m b.gguf' }
  c: { cmd: 'llama-server --port \${PORT} -m c.gguf', env: [CUDA_VISIBLE_DEVICES=1] }
`);
    assert.deepEqual(
      Object.values(models).map(({ backend }) => backend),
      ['llama-server-b6000', 'llama-server-b6000', 'llama-server'],
    );
    assert.deepEqual(backends, {
      'llama-server-b6000': { type: 'llama.cpp', executable: folder.file('bin/llama-server-b6000') },
      'llama-server': { type: 'llama.cpp', executable: 'llama-server', env: { CUDA_VISIBLE_DEVICES: '1' } },
    });
  });

  it('makes a backend of the type "command" of every other command', async () => {
    const { models, backends, notes, noteOf } = await read(`
models:
  docker:
    cmd: docker run --name \${MODEL_ID} -p \${PORT}:8080 image --model '/in the image/m.gguf'
    cmdStop: docker stop \${MODEL_ID}
    checkEndpoint: /ready
  fixed:
    cmd: vllm serve org/model --port 8999
    proxy: http://localhost:8999/api
    env: [TOKEN=a=b]
    useModelName: org/model
  endless: { cmd: 'serve --port \${PORT}', checkEndpoint: none }
  tls: { cmd: 'llama-server -m a.gguf --port \${PORT} --ssl-key-file k' }
  elsewhere: { cmd: ssh host serve, proxy: 'http://host:8080' }
  nowhere: { cmd: serve, proxy: 'http://localhost:80' }
  quote: { cmd: 'serve "\${PORT}' }
  nothing: {}
  unset: { cmd: 'serve \${env.LAMINA_TEST_UNSET} \${PORT}' }
  unknown: { cmd: 'serve \${what} \${PORT}' }
`);
    assert.deepEqual(backends, {
      docker: {
        type: 'command',
        command: "docker run --name docker -p ${PORT}:8080 image --model '/in the image/m.gguf'",
        formats: ['command'],
        health: '/ready',
      },
      fixed: {
        type: 'command',
        command: 'vllm serve org/model --port ${PORT}',
        formats: ['command'],
        health: '/api/health',
        base_path: '/api/v1',
        env: { TOKEN: 'a=b' },
      },
      endless: { type: 'command', command: 'serve --port ${PORT}', formats: ['command'] },
      tls: {
        type: 'command',
        command: 'llama-server -m a.gguf --port ${PORT} --ssl-key-file k',
        formats: ['command'],
        health: '/health',
      },
    });
    assert.deepEqual(models['docker'], { backend: 'docker', limits: { idle_timeout: 0 } });
    const left = notes.filter((note) => note.left_out);
    assert.deepEqual(
      left.map(({ what }) => what),
      ['elsewhere', 'nowhere', 'quote', 'nothing', 'unset', 'unknown'].map((name) => `models.${name}`),
    );
    const reasons = [
      /not on this machine/,
      /no place for it/,
      /unclosed quote/,
      /no cmd/,
      /LAMINA_TEST_UNSET/,
      /"what"/,
    ];
    reasons.forEach((reason, index) => assert.match(left[index]!.message, reason));
    assert.match(noteOf('models.docker.cmdStop')!, /SIGTERM/);
    assert.match(noteOf('models.endless.checkEndpoint')!, /"ready_log"/);
    assert.match(noteOf('models.fixed.useModelName')!, /if it lists only one model/);
  });

  it('takes over times, limits, aliases, descriptions and preloads', async () => {
    const { models, noteOf } = await read(`
healthCheckTimeout: 5
globalTTL: 300
unloadTimeout: 30
hooks: { on_startup: { preload: [b, gpt-4o, absent] } }
models:
  a: { cmd: 'serve \${PORT}', ttl: 60, unloadTimeout: 90, concurrencyLimit: 4, aliases: [gpt-4o], name: A, description: First }
  b: { cmd: 'serve \${PORT}', ttl: 0, name: B }
  c: { cmd: 'serve \${PORT}' }
`);
    assert.deepEqual(models, {
      a: {
        backend: 'a',
        description: 'A: First',
        aliases: ['gpt-4o'],
        preload: true,
        limits: { idle_timeout: 60, load_timeout: 15, stop_timeout: 90, max_concurrency: 4 },
      },
      b: {
        backend: 'b',
        description: 'B',
        preload: true,
        limits: { idle_timeout: 0, load_timeout: 15, stop_timeout: 30 },
      },
      c: { backend: 'c', limits: { idle_timeout: 300, load_timeout: 15, stop_timeout: 30 } },
    });
    assert.match(noteOf('hooks.on_startup.preload: absent')!, /no entry/);
    assert.match(noteOf('models.a.concurrencyLimit')!, /wait/);
  });

  it('runs one model at a time without groups, as llama-swap does', async () => {
    const { groups } = await read(plain('a', 'b'));
    assert.deepEqual(groups, { 'llama-swap': { models: ['a', 'b'], max_loaded: 1 } });
    assert.deepEqual((await read(plain('a'))).groups, {});
  });

  it('makes groups of models that exclude each other, and pins those that others cannot stop', async () => {
    const { groups, models, noteOf } = await read(`${plain('a', 'b', 'c', 'd', 'e', 'f', 'free')}
groups:
  swapping: { members: [a, b] }
  together: { swap: false, members: [c, d] }
  forever: { persistent: true, swap: false, exclusive: false, members: [e, missing] }
  single: { persistent: true, exclusive: false, members: [f] }
`);
    assert.deepEqual(groups, {
      'llama-swap': { models: ['a', 'b', 'c', 'free'], max_loaded: 1 },
      'llama-swap-2': { models: ['a', 'b', 'd', 'free'], max_loaded: 1 },
    });
    assert.deepEqual([models['e']!['pinned'], models['f']!['pinned']], [true, undefined]);
    assert.match(noteOf('groups.forever.members: missing')!, /no entry/);
    assert.match(noteOf('groups.single.persistent')!, /cannot be pinned/);
  });

  it('keeps the name of a group, and says where exclusion has one direction only', async () => {
    const { groups, noteOf } = await read(`${plain('a', 'b', 'c')}
routing:
  router:
    settings:
      groups:
        large: { members: [a, b] }
        small: { exclusive: false, members: [c] }
`);
    assert.deepEqual(groups, { large: { models: ['a', 'b'], max_loaded: 1 } });
    assert.match(noteOf('routing.router.settings.groups.large.exclusive')!, /stopped those of "small", but not/);
  });

  it('makes defaults and virtual models of filters when their plugin is loaded', async () => {
    const filters = `
models:
  a:
    cmd: serve \${PORT}
    filters:
      stripParams: top_k
      setParams: { temperature: 0.2, model: no }
      setParamsByID:
        "\${MODEL_ID}": { top_p: 0.9 }
        "\${MODEL_ID}:high": { reasoning_effort: high }
`;
    const loaded = await read(filters, ...presets);
    assert.deepEqual(loaded.models['a']!['parameters'], { temperature: 0.2, top_p: 0.9 });
    assert.deepEqual(loaded.models['a:high'], {
      of: 'a',
      parameters: { temperature: 0.2, reasoning_effort: 'high' },
    });
    assert.match(loaded.noteOf('models.a.filters.stripParams')!, /removes no fields/);
    assert.match(loaded.noteOf('models.a.filters.setParams')!, /are defaults/);
    const { models, noteOf } = await read(filters);
    assert.deepEqual(models['a']!['aliases'], ['a:high']);
    assert.match(noteOf('models.a.filters.setParams')!, /install it/);
  });

  it('makes remotes of peers, without their keys', async () => {
    const { models, backends, noteOf } = await read(`
models: { same: { cmd: 'serve \${PORT}' } }
peers:
  router:
    proxy: https://router.example/api/
    apiKey: \${env.ROUTER_KEY}
    models: [same, org/one]
    timeouts: { connect: 1 }
  second: { proxy: http://192.168.1.2, apiKey: secret, models: [two] }
`);
    assert.deepEqual(backends['router'], {
      type: 'remote',
      base_url: 'https://router.example/api/v1',
      api_key_env: 'ROUTER_KEY',
    });
    assert.deepEqual(models['router/same'], { backend: 'router', options: { id: 'same' } });
    assert.deepEqual(models['org/one'], { backend: 'router', aliases: ['router/org/one'] });
    assert.deepEqual(backends['second']!['api_key_env'], 'SECOND_API_KEY');
    assert.match(noteOf('peers.second.apiKey')!, /SECOND_API_KEY/);
    assert.match(noteOf('peers.router.timeouts')!, /no such setting/);
  });

  it('names every key that has no place in the manifest, with the reason', async () => {
    const top = [
      ...['logLevel', 'logTimeFormat', 'logToStdout', 'metricsMaxInMemory', 'captureBuffer', 'sendLoadingState'],
      ...['includeAliasesInList', 'apiKeys', 'performance', 'ui', 'upstream', 'store', 'profiles', 'selectors', 'typo'],
    ];
    const inModel = ['unlisted', 'metadata', 'capabilities', 'sendLoadingState', 'timeouts', 'compat', 'typo'];
    const lines = (keys: readonly string[], indent: string) =>
      keys.map((key) => `${indent}${key}: { x: 1 }\n`).join('');
    const { notes, noteOf } = await read(
      `${lines(top, '')}models:\n  a:\n    cmd: serve \${PORT}\n${lines(inModel, '    ')}` +
        'routing: { router: { use: matrix, settings: { matrix: { sets: { s: a } } } }, scheduler: { settings: { fifo: { priority: { a: 1 } } } } }\n',
    );
    const routing = ['routing.router.settings.matrix', 'routing.scheduler.settings.fifo.priority'];
    assert.deepEqual(
      notes.map(({ what }) => what).sort(),
      [...inModel.map((key) => `models.a.${key}`), ...top, ...routing].sort(),
    );
    assert.match(noteOf('typo')!, /no such key/);
  });

  it('says in one sentence with file and line what is wrong in the file', async () => {
    const mistakes: Readonly<Record<string, RegExp>> = {
      'models:\n  a: { cmd: [\n': /config\.yaml, line \d: /,
      'models:\n  a: { cmd: serve }\n  a: { cmd: serve }\n': /config\.yaml, line 3: Map keys must be unique/,
      'models:\n  a:\n    cmd: serve\n    aliases: gpt\n': /config\.yaml, line 4: models\.a\.aliases must be/,
      'models:\n  a:\n    ttl: soon\n': /config\.yaml, line 3: models\.a\.ttl must be/,
      'listen: 8080\n': /config\.yaml, line 1: it has no models and no peers\. Is it a configuration of llama-swap\?$/,
      'just text\n': /config\.yaml, line 1: it /,
    };
    for (const [text, expected] of Object.entries(mistakes)) {
      await writeFile(config, text);
      const { code, stdout, stderr } = await run();
      assert.deepEqual([code, stdout], [1, ''], text);
      assert.match(stderr.trimEnd(), expected);
      assert.equal(stderr.trimEnd().split('\n').length, 1);
    }
    const { stderr } = await folder.here('import', 'llama-swap', folder.file('none.yaml'));
    assert.match(stderr, /^lamina: Cannot read \S+none\.yaml: it does not exist\.\n$/);
  });

  it('checks what it added, and adds nothing that is there', async () => {
    const manifest = folder.file('models/models.yaml');
    const before = await readFile(manifest, 'utf8');
    await writeFile(
      config,
      'models:\n  tiny: { cmd: serve $PORT }\n  b: { cmd: "llama-server --port ${PORT} -m b.gguf" }\n',
    );
    const { code, stdout } = await run();
    assert.equal(code, 0);
    assert.match(stdout, /^Added to \S+models\.yaml from \S+config\.yaml: 1 model\n {2}b\n/);
    assert.match(stdout, /\n\nCheck:\n {2}b\n {4}b\.gguf does not exist\n/);
    const after = await readFile(manifest, 'utf8');
    assert.ok(after.includes(before.split('defaults:')[0]!), after);
    assert.match((await run()).stdout, /^Nothing to add from \S+config\.yaml\.\n\nIn the manifest already: b\n/);
    assert.equal(await readFile(manifest, 'utf8'), after);
  });

  it('leaves a group as it is, and says which new models belong to it', async () => {
    await writeFile(config, plain('a', 'b'));
    await run();
    await writeFile(config, plain('a', 'b', 'c'));
    const { stdout } = await run('--json');
    const { added, known, notes } = JSON.parse(stdout) as Document;
    assert.deepEqual([Object.keys(added.models!), added.groups, known], [['c'], undefined, ['a', 'b']]);
    assert.deepEqual(notes, [
      {
        what: 'groups.llama-swap',
        message: 'The manifest has a group of this name. To limit them too, add c to it.',
        left_out: false,
      },
    ]);
  });

  it('adds a command that a server starts and answers with, although it names no file', async () => {
    const [program] = fakeEngine({ model: '' }).args;
    const engine = `'${node}' '${program}' --port \${PORT} --model \${MODEL_ID}`;
    await writeFile(config, `macros: { engine: "${engine}" }\nmodels:\n  own: { cmd: "\${engine}", aliases: [gpt] }\n`);
    const { code, stdout } = await run();
    assert.equal(code, 0, stdout);
    const url = await folder.serve();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: 'hi' }] }),
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.match(text, /"content":"own: 1 2 3 4"/);
  });
});
