// Tiny models generate a given sentence in a real llama-server; without one, their headers are still read.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { processBackend, type JsonObject, type Model, type ModelServer } from '@lamina/core/plugin';
import { tinyAdapter, tinyGguf, type TinyGguf } from '@lamina/testing';
import { readGgufFile } from './gguf-file.js';
import { testFolder } from '../../../testing/dist-test/fake-kit.js';

const llamaServer =
  process.env['LAMINA_LLAMA_SERVER'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'llama-server'))
    .find(existsSync);

describe('a tiny model', () => {
  const folder = testFolder();
  const path = (name: string) => join(folder, name);

  it('is the same bytes every time', async () => {
    const [one, two] = await Promise.all(
      ['one.gguf', 'two.gguf'].map((name) => tinyGguf(path(name), { name: 'same' })),
    );
    assert.deepEqual(readFileSync(one!.paths[0]), readFileSync(two!.paths[0]));
  });

  it('has a header with the values it was made with', async () => {
    const { paths, bytes } = await tinyGguf(path('header.gguf'), {
      name: 'h',
      layers: 3,
      embeddingLength: 96,
      contextLength: 4096,
      type: 'q8_0',
    });
    const { header } = await readGgufFile(paths[0]);
    assert.equal(statSync(paths[0]).size, bytes);
    assert.equal(header!.bytesNeeded, bytes);
    const keys = [
      'general.name',
      'llama.block_count',
      'llama.embedding_length',
      'llama.context_length',
      'general.file_type',
    ];
    assert.deepEqual(
      keys.map((key) => header!.values.get(key)),
      ['h', 3, 96, 4096, 7],
    );
  });

  it('uses little disk space whatever its size', async () => {
    const { paths, bytes } = await tinyGguf(path('large.gguf'), { layers: 8, embeddingLength: 512 });
    assert.ok(bytes > 50_000_000);
    assert.ok(statSync(paths[0]).blocks * 512 < 10_000_000, 'The file system does not support sparse files.');
  });

  it('has as many shards as requested', async () => {
    const { paths } = await tinyGguf(path('parts.gguf'), { shards: 3 });
    assert.deepEqual(
      paths,
      ['1', '2', '3'].map((shard) => path(`parts-0000${shard}-of-00003.gguf`)),
    );
  });

  it('cannot have an embedding length that q8_0 cannot store', async () => {
    await assert.rejects(tinyGguf(path('odd.gguf'), { embeddingLength: 100 }), /not a multiple of 32/);
  });

  it('cannot be adapted to a sentence it does not know', async () => {
    await assert.rejects(
      tinyAdapter(path('adapter.gguf'), { base: {}, say: ' Nobody told me.' }),
      /name it in its alternatives/,
    );
  });
});

const title = 'a tiny model in llama-server';
if (llamaServer === undefined)
  describe.skip(`${title} (skipped: there is no llama-server in PATH, and LAMINA_LLAMA_SERVER names none)`, () =>
    undefined);
else
  describe(title, () => {
    const folder = testFolder();
    const servers: ModelServer[] = [];
    const path = (name: string) => join(folder, name);
    afterEach(async () => {
      await Promise.all(
        servers.splice(0).map((server) => server.stop({ reason: 'shutdown', signal: AbortSignal.timeout(2_000) })),
      );
    });

    /** Starts the model with adapters that have no effect until a request names them. */
    async function start({ paths }: TinyGguf, adapters: readonly string[] = []): Promise<ModelServer> {
      const lora = adapters.flatMap((adapter) => ['--lora-scaled', `${adapter}:0`]);
      const type = processBackend({
        type: 'llama',
        formats: ['gguf'],
        executable: llamaServer!,
        version: false,
        ready: '/health',
        command: ({ port, key, model }) => ({
          args: [
            '-m',
            model.files[0]!.path,
            '--port',
            String(port),
            '-t',
            '1',
            '-c',
            '512',
            '--no-ui',
            '--offline',
            ...lora,
          ],
          env: { LLAMA_API_KEY: key },
        }),
      });
      const server = await type.create('llama', {}).start(modelAt(paths[0]), {
        signal: AbortSignal.timeout(15_000),
        env: process.env,
        options: {},
        adapters: [],
        log: silent,
        progress: nothing,
        output: nothing,
        guard: () => nothing,
      });
      servers.push(server);
      return server;
    }

    const variants = {
      'as f32': {},
      'as f16': { type: 'f16' },
      'as q8_0': { type: 'q8_0' },
      'in three shards': { shards: 3 },
      'with more layers': { layers: 5, embeddingLength: 256 },
    } as const;
    for (const [how, options] of Object.entries(variants)) {
      it(`${how} generates its sentence`, async () => {
        const model = await tinyGguf(path(`${how.replaceAll(' ', '-')}.gguf`), { name: 'alpha', ...options });
        assert.equal(model.says, ' Hello from the model alpha.');
        assert.equal(await chat(await start(model), {}), 'Hello from the model alpha.');
      });
    }

    it('generates a custom sentence, with repeated words and numbers', async () => {
      const say = ' One 1 and one 2 and one 3 is the end, the end.';
      assert.equal(
        await chat(await start(await tinyGguf(path('own.gguf'), { say })), { temperature: 1.5 }),
        say.trim(),
      );
    });

    it('answers a raw prompt too', async () => {
      const { text } = await firstChoice<{ text: string }>(
        await start(await tinyGguf(path('raw.gguf'))),
        'completions',
        {
          prompt: 'Say it!',
        },
      );
      assert.equal(text, ' Hello from the model tiny.');
    });

    it('counts endlessly, thinks, and calls a tool on request', async () => {
      const server = await start(await tinyGguf(path('triggers.gguf')));
      assert.equal(await chat(server, { max_tokens: 5 }, '/count'), '1 2 3 4 5');
      const parameters = { type: 'object', properties: { city: { type: 'string' } } };
      const body = {
        messages: [{ role: 'user', content: '/tool' }],
        tools: [{ type: 'function', function: { name: 'get_weather', parameters } }],
      };
      const called = await firstChoice<{ message: { tool_calls: { function: { arguments: string } }[] } }>(
        server,
        'chat/completions',
        body,
      );
      assert.deepEqual(JSON.parse(called.message.tool_calls[0]!.function.arguments), { city: 'Paris' });
      const thought = await firstChoice<{ message: object }>(server, 'chat/completions', {
        messages: [{ role: 'user', content: '/think' }],
      });
      assert.deepEqual(thought.message, {
        role: 'assistant',
        content: 'The answer is forty-two.',
        reasoning_content: 'Let me think hard.',
      });
    });

    it('generates another sentence under each adapter, and its own without', async () => {
      const base = { alternatives: [' Ahoy from the first adapter.', ' Servus from the second adapter.'] };
      const model = await tinyGguf(path('base.gguf'), base);
      const adapters = await Promise.all(
        base.alternatives.map((say, index) => tinyAdapter(path(`adapter-${index}.gguf`), { base, say })),
      );
      const server = await start(
        model,
        adapters.map((adapter) => adapter.path),
      );
      assert.equal(await chat(server, {}), 'Hello from the model tiny.');
      assert.equal(await chat(server, { lora: [{ id: 0, scale: 1 }] }), 'Ahoy from the first adapter.');
      assert.equal(await chat(server, { lora: [{ id: 1, scale: 1 }] }), 'Servus from the second adapter.');
    });
  });

const nothing = () => undefined;
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => silent };

function modelAt(path: string): Model {
  const files = [{ role: 'weights', path, bytes: statSync(path).size } as const];
  return { name: 'tiny', files, format: 'gguf', aliases: [], options: {}, pinned: false, limits: {}, from: 'manifest' };
}

/** The first choice of a response. */
async function firstChoice<Choice>(server: ModelServer, route: string, body: JsonObject): Promise<Choice> {
  const { baseUrl, headers } = server.endpoint();
  const response = await fetch(`${baseUrl}/${route}`, {
    method: 'POST',
    headers: { ...headers, connection: 'close' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return (JSON.parse(text) as { choices: [Choice] }).choices[0];
}

async function chat(server: ModelServer, more: JsonObject, content = 'hi'): Promise<string> {
  const { message } = await firstChoice<{ message: { content: string } }>(server, 'chat/completions', {
    messages: [{ role: 'user', content }],
    ...more,
  });
  return message.content;
}
