// lamina import ollama: the models of an Ollama store become entries of the manifest, with their files where they are.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { fakeEngine, tinyGguf } from '@lamina/testing';
import { Folder } from './support/command.js';
import { blobPath, storeModel, type Layers } from './support/ollama-store.js';

const plugin = ['--plugin', '@lamina/plugin-ollama-source'];
const library = 'registry.ollama.ai/library';

interface Document {
  readonly added: { readonly models?: Record<string, Record<string, unknown>> };
  readonly known: readonly string[];
  readonly notes: readonly { readonly what: string; readonly message: string; readonly left_out: boolean }[];
  readonly diagnostics: readonly object[];
}

describe('lamina import ollama', function () {
  this.timeout(60_000);
  let folder: Folder;
  let store: string;
  let gguf: Buffer;
  beforeEach(async () => {
    folder = await Folder.make();
    store = folder.file('store');
    await tinyGguf(folder.file('tiny.gguf'));
    gguf = await readFile(folder.file('tiny.gguf'));
  });
  afterEach(() => folder.remove());

  const put = (name: string, layers: Layers, config?: object) => storeModel(store, name, layers, config);
  const manifest = () => readFile(folder.file('models/models.yaml'), 'utf8');
  const run = (...args: readonly string[]) => folder.here('import', 'ollama', '--store', store, ...plugin, ...args);
  const document = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await run('--json', ...args);
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout) as Document;
  };

  it('adds each model under the name people type, with parameters, system prompt and projector', async () => {
    await put(
      `${library}/llama3.2/3b`,
      [
        ['model', gguf],
        ['projector', 'P'],
        ['params', '{"num_ctx":1024,"temperature":0}'],
        ['system', 'Be brief.'],
        ['license', 'MIT'],
      ],
      { model_family: 'llama', model_type: '3.2B', file_type: 'F32' },
    );
    await put(`${library}/qwen/latest`, [['model', 'Q']]);
    const { added, notes } = await document();
    assert.deepEqual(added.models, {
      'llama3.2:3b': {
        path: blobPath(store, gguf),
        format: 'gguf',
        projector: blobPath(store, 'P'),
        quantization: 'F32',
        options: { context_length: 1024 },
        description: 'llama3.2:3b, llama, 3.2B.',
        download: {
          ollama: {
            model: 'llama3.2:3b',
            parameters: { num_ctx: 1024, temperature: 0 },
            system: 'Be brief.',
          },
        },
      },
      'qwen:latest': {
        path: blobPath(store, 'Q'),
        format: 'gguf',
        description: 'qwen:latest.',
        aliases: ['qwen'],
        download: { ollama: { model: 'qwen:latest' } },
      },
    });
    assert.deepEqual(notes, []);
  });

  it('keeps the manifest as people wrote it, and adds nothing twice', async () => {
    const before = `# Mine\n${await manifest()}`;
    await writeFile(folder.file('models/models.yaml'), before);
    await put(`${library}/qwen/latest`, [['model', gguf]]);
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^Added to \S+models\.yaml from \S+store: 1 model\n {2}qwen:latest \(also qwen\)\n$/);
    const after = await manifest();
    const [first, rest] = before.split('defaults:');
    assert.ok(after.startsWith(first!) && after.endsWith(`defaults:${rest!}`), after);
    assert.match((await run()).stdout, /^Nothing to add from \S+\n\nIn the manifest already: qwen:latest\n$/);
    assert.equal(await manifest(), after);
  });

  it('shows the entries and writes nothing with --dry-run', async () => {
    await put(`${library}/qwen/latest`, [['model', gguf]]);
    const before = await manifest();
    const { stdout } = await run('--dry-run');
    assert.match(
      stdout,
      /^This would be added to \S+models\.yaml:\n\nmodels:\n {2}qwen:latest:\n {4}path: \/.*sha256-/,
    );
    assert.equal(await manifest(), before);
    assert.deepEqual(readdirSync(folder.file('models')).sort(), ['models.yaml', 'tiny.fake']);
  });

  it('adds a model with an adapter as two, and takes no alias that another model has', async () => {
    await put(`${library}/small/latest`, [
      ['model', gguf],
      ['adapter', 'L'],
    ]);
    const { added, notes } = await document();
    assert.deepEqual(
      Object.entries(added.models!).map(([name, { path, base, aliases }]) => [name, path, base, aliases]),
      [
        ['small:latest/base', blobPath(store, gguf), undefined, undefined],
        ['small:latest', blobPath(store, 'L'), 'small:latest/base', undefined],
      ],
    );
    assert.deepEqual(notes, [
      { what: 'small:latest', message: 'Its alias "small" is the name or an alias of another model.', left_out: false },
    ]);
  });

  it('says what was left out and what is not used, and why', async () => {
    await put(`${library}/huge/cloud`, [], { remote_host: 'https://ollama.com' });
    await put(`${library}/gone/latest`, [['model', 'GONE']]);
    await rm(blobPath(store, 'GONE'));
    await put(`${library}/parts/latest`, [
      ['model', 'A'],
      ['model', 'B'],
    ]);
    await put(
      `${library}/gemma3/4b`,
      [
        ['model', gguf],
        ['template', '{{ .Prompt }}'],
        ['messages', '[]'],
        ['params', '{"num_gqa":8}'],
      ],
      {
        model_family: 'gemma3',
      },
    );
    const { added, notes } = await document();
    assert.deepEqual(Object.keys(added.models!), ['gemma3:4b']);
    const left = Object.fromEntries(notes.filter((note) => note.left_out).map(({ what, message }) => [what, message]));
    assert.match(left['huge:cloud']!, /is a cloud model/);
    assert.match(left['gone:latest']!, /^Its file \/.*sha256-.* cannot be read; run "ollama pull" again\.$/);
    assert.match(left['parts:latest']!, /^It has several files of weights.*lamina pull"\.$/);
    const others = notes.filter((note) => !note.left_out).map(({ message }) => message);
    assert.match(others[0]!, /files of gemma3 models have a layout for its own engine/);
    assert.match(others[1]!, /prompt template is not used/);
    assert.match(others[2]!, /num_gqa/);
    assert.match(others[3]!, /example messages/);
  });

  it('says where it looked, and that it works on this machine only', async () => {
    const none = await run();
    assert.deepEqual([none.code, none.stdout], [1, '']);
    assert.match(none.stderr, /^lamina: There is no Ollama store in \S+store: .*--store <directory>\.\n$/);
    const { code, stderr } = await folder.run('import', 'ollama', '--server', 'http://127.0.0.1:9');
    assert.deepEqual(
      [code, stderr],
      [2, 'lamina: "lamina import" works on this machine only, so it cannot be combined with --server.\n'],
    );
  });

  it('names the plugin that reads the store when it is not loaded', async () => {
    const { code, stderr } = await folder.here('import', 'ollama', '--store', store);
    assert.equal(code, 1);
    assert.match(stderr, /is not loaded\. Run: npm install @lamina\/plugin-ollama-source\n$/);
  });

  it('adds models that a server answers with, from files without an extension', async () => {
    const [program] = fakeEngine({ model: '' }).args;
    const command = `'${process.execPath}' '${program}' --model \${MODEL} --file \${MODEL_PATH} --port \${PORT}`;
    const backend = `backends:\n  mine: { type: command, command: ${JSON.stringify(command)}, formats: [gguf] }\n`;
    await writeFile(folder.file('models/models.yaml'), `${await manifest()}${backend}`);
    await put(`${library}/qwen/latest`, [['model', gguf]]);
    assert.equal((await run()).code, 0);
    const url = await folder.serve(...plugin);
    const body = JSON.stringify({ model: 'qwen', messages: [{ role: 'user', content: 'hi' }] });
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    const text = await response.text();
    assert.equal(response.status, 200, text);
    assert.match(text, /"content":"qwen:latest: 1 2 3 4"/);
  });
});
