// The server in front of a real llama-server, with tiny models.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { llamacpp } from '@lamina/plugin-llamacpp';
import type { ServedModels } from '@lamina/core/protocol';
import OpenAI from 'openai';
import { chat, errorOf, inside, startTestServer, until, type TestServer } from './support/test-server.js';
import { readToEnd } from './support/stream.js';

const llamaServer =
  process.env['LAMINA_LLAMA_SERVER'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'llama-server'))
    .find(existsSync);
const title = 'the server with a real llama-server';

(llamaServer === undefined ? describe.skip : describe)(
  llamaServer === undefined ? `${title} (skipped: there is none in PATH, and LAMINA_LLAMA_SERVER names none)` : title,
  () => {
    let testServer: TestServer;
    let openai: OpenAI;
    const messages = [{ role: 'user' as const, content: 'hi' }];

    before(async () => {
      testServer = await startTestServer({
        models: {},
        entries: {
          'org/a:q8': { path: 'a.gguf', aliases: ['gpt-a'] },
          b: { path: 'b.gguf' },
          embed: { path: 'a.gguf', options: { embeddings: true, pooling: 'mean' } },
          small: { path: 'a.gguf', options: { embeddings: true, pooling: 'mean', ubatch_size: 64, batch_size: 64 } },
          plain: { path: 'a.gguf', options: { jinja: false } },
          slow: { path: 'slow.gguf', options: { context_length: 2048, parallel: 1 } },
          broken: { path: 'broken.gguf' },
        },
        plugins: [llamacpp({ executable: llamaServer!, threads: 1, context_length: 512 })],
        lamina: { env: process.env },
      });
      await tinyGguf(inside(testServer, 'a.gguf'), { name: 'a' });
      await tinyGguf(inside(testServer, 'b.gguf'), { name: 'b' });
      await tinyGguf(inside(testServer, 'slow.gguf'), { name: 'slow', layers: 8, embeddingLength: 512, type: 'q8_0' });
      await testServer.lamina.models.reload();
      openai = new OpenAI({ baseURL: `${testServer.url}/v1`, apiKey: 'none', maxRetries: 0 });
    });

    after(() => testServer.close());

    it("serves OpenAI's client: chat, stream, complete, list", async () => {
      const answer = await openai.chat.completions.create({ model: 'org/a:q8', messages, max_tokens: 32 });
      assert.equal(answer.choices[0]?.message.content, 'Hello from the model a.');
      const stream = await openai.chat.completions.create({
        model: 'gpt-a',
        messages,
        max_tokens: 32,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = '';
      let tokens = 0;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        tokens += chunk.usage?.completion_tokens ?? 0;
      }
      assert.equal(text, 'Hello from the model a.');
      assert.ok(tokens > 0);
      assert.equal(
        (await openai.completions.create({ model: 'b', prompt: 'x', max_tokens: 32 })).choices[0]?.text.trim(),
        'Hello from the model b.',
      );
      assert.ok((await openai.models.list()).data.some(({ id }) => id === 'gpt-a'));
    });

    it('tells clients the context and the capabilities that llama-server has', async () => {
      for (const model of ['plain', 'embed']) await testServer.post(`/models/${model}/start`, '');
      const { data } = (await (await fetch(`${testServer.url}/v1/models`)).json()) as ServedModels;
      const facts = (name: string) => {
        const { state, context_length, capabilities, quantization, meta } = data.find(({ id }) => id === name)!;
        return { state, context_length, capabilities, quantization, n_ctx: meta.n_ctx, n_ctx_train: meta.n_ctx_train };
      };
      const running = { state: 'ready', quantization: 'F32', context_length: 512, n_ctx: 512, n_ctx_train: 2048 };
      assert.deepEqual(facts('plain'), { ...running, capabilities: ['chat', 'reasoning'] }, 'without jinja no tools');
      assert.deepEqual(facts('embed'), { ...running, capabilities: ['chat', 'tools', 'reasoning', 'embeddings'] });
    });

    it('embeds, and reports what a model without embeddings needs', async () => {
      const { data } = await openai.embeddings.create({
        model: 'embed',
        input: ['one', 'two'],
        encoding_format: 'float',
      });
      assert.equal(data.length, 2);
      assert.ok(data[0]!.embedding.some((number) => number !== 0));
      const refused = await testServer.post('/v1/embeddings', { model: 'b', input: 'x' });
      assert.equal(refused.status, 501);
      assert.match((await errorOf(refused)).message, /embeddings/);
    });

    it('refuses for good what the model cannot do, and names the option to set', async () => {
      const parts = (part: object) => [{ role: 'user', content: [part] }];
      const image = 'data:image/png;base64,iVBORw0KGgo=';
      const tool = { type: 'function', function: { name: 'f', parameters: {} } };
      const form = new FormData();
      form.set('model', 'b');
      form.set('file', new Blob(['x']), 'x.wav');
      const cases: readonly [string, object, number, string][] = [
        ['embeddings', { model: 'b', input: 'x' }, 501, '"embeddings: true"'],
        ['rerank', { model: 'b', query: 'x', documents: ['y'] }, 501, '"rerank: true"'],
        [
          'chat/completions',
          { model: 'b', messages: parts({ type: 'image_url', image_url: { url: image } }) },
          501,
          '"projector"',
        ],
        [
          'messages',
          {
            model: 'b',
            max_tokens: 5,
            messages: parts({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'eA==' } }),
          },
          501,
          '"projector"',
        ],
        ['responses', { model: 'b', input: parts({ type: 'input_image', image_url: image }) }, 501, '"projector"'],
        [
          'chat/completions',
          { model: 'b', messages: parts({ type: 'input_audio', input_audio: { data: 'eA==', format: 'wav' } }) },
          501,
          '"projector"',
        ],
        ['audio/transcriptions', form, 501, '"projector"'],
        ['chat/completions', { model: 'plain', messages, tools: [tool] }, 501, '"jinja: true"'],
        ['embeddings', { model: 'small', input: 'x'.repeat(100) }, 400, '"ubatch_size"'],
        ['chat/completions', chat('b', 'x'.repeat(2000)), 400, '"context_length"'],
        ['audio/speech', { model: 'b', input: 'x' }, 404, 'audio/speech'],
      ];
      for (const [route, body, status, option] of cases) {
        const answer = await testServer.post(`/v1/${route}`, body, body instanceof FormData ? { body } : {});
        const { message } = await errorOf(answer);
        assert.equal(answer.status, status, `${route}: ${message}`);
        assert.ok(message.includes(option), message);
        assert.equal(answer.headers.get('x-should-retry'), 'false', message);
      }
    });

    it("serves the other routes: Anthropic's messages, OpenAI's responses", async () => {
      const said = (await (
        await testServer.post('/v1/messages', chat('org/a:q8', 'hi', { max_tokens: 32 }))
      ).json()) as {
        content: { text: string }[];
      };
      assert.equal(said.content[0]?.text, 'Hello from the model a.');
      const { output_text } = await openai.responses.create({ model: 'org/a:q8', input: 'hi', max_output_tokens: 32 });
      assert.equal(output_text, 'Hello from the model a.');
      assert.match(
        await (await testServer.post('/v1/messages/count_tokens', chat('org/a:q8'))).text(),
        /"input_tokens":\d+/,
      );
    });

    it('starts one engine for 32 first requests at once', async () => {
      await testServer.lamina.runtime.stop('b');
      let starts = 0;
      const stopCounting = testServer.lamina.events.on(
        'model.ready',
        ({ model }) => void (starts += model === 'b' ? 1 : 0),
      );
      const answers = await Promise.all(
        Array.from({ length: 32 }, () => openai.chat.completions.create({ model: 'b', messages, max_tokens: 32 })),
      );
      assert.deepEqual(
        new Set(answers.map(({ choices }) => choices[0]?.message.content)),
        new Set(['Hello from the model b.']),
      );
      assert.equal(starts, 1);
      stopCounting();
    });

    it("converts refusals of the engine into Lamina's error shape", async () => {
      const answer = await testServer.post('/v1/chat/completions', chat('org/a:q8', 'x'.repeat(3000)));
      assert.equal(answer.status, 400);
      const { code, type, details, message } = await errorOf(answer);
      assert.deepEqual([code, type], ['context_length_exceeded', 'invalid_request_error']);
      assert.match(message, /context/);
      assert.ok(Number(details?.['context_length']) > 0);
      assert.ok(answer.headers.get('x-request-id'));
    });

    it('reports why a file that is not a model does not start', async () => {
      await writeFile(inside(testServer, 'broken.gguf'), 'GGUF but not really');
      await testServer.lamina.models.reload();
      const answer = await testServer.post('/v1/chat/completions', chat('broken'));
      assert.ok([502, 503].includes(answer.status));
      assert.match((await errorOf(answer)).code, /MODEL_START_FAILED|MODEL_FILES_MISSING/);
    });

    it('stops the generation when the client leaves', async () => {
      const leave = new AbortController();
      const answer = await fetch(`${testServer.url}/v1/chat/completions`, {
        method: 'POST',
        body: JSON.stringify(chat('slow', '/count', { stream: true })),
        signal: leave.signal,
      });
      await answer.body!.getReader().read();
      const finished = testServer.lamina.events.once('request.finished', {
        signal: AbortSignal.timeout(5000),
        where: ({ model }) => model === 'slow',
      });
      leave.abort();
      assert.equal((await finished).status, 499);
      const began = performance.now();
      await (await testServer.post('/v1/chat/completions', chat('slow', 'hi', { max_tokens: 4 }))).text();
      assert.ok(performance.now() - began < 3000, 'its only slot was not free');
    });

    it('reports the death of the engine in a stream, and has a new one for the next request', async () => {
      const answer = await testServer.post('/v1/chat/completions', chat('slow', '/count', { stream: true }));
      const reader = answer.body!.getReader();
      await reader.read();
      const { pid } = testServer.lamina.runtime.slot('slow');
      process.kill(pid!, 'SIGKILL');
      const { text, broken } = await readToEnd(reader);
      assert.equal(broken, true);
      assert.match(text, /^data: \{"error":\{.*"MODEL_SERVER_EXITED"/m);
      const next = await openai.chat.completions.create({ model: 'slow', messages, max_tokens: 32 });
      assert.equal(next.choices[0]?.message.content, 'Hello from the model slow.');
      assert.notEqual(testServer.lamina.runtime.slot('slow').pid, pid);
    });

    it('shows the metadata of a model and where its server is', async () => {
      const { metadata, server, state } = (await (await fetch(`${testServer.url}/models/org%2Fa%3Aq8`)).json()) as {
        metadata: Record<string, unknown>;
        server: Record<string, unknown>;
        state: string;
      };
      assert.equal(state, 'ready');
      assert.equal(metadata['architecture'], 'llama');
      assert.equal(server['backend'], 'llama.cpp');
      await until('it is stopped', async () => (await testServer.post('/models/org%2Fa%3Aq8/stop', '')).status === 200);
      assert.equal('server' in ((await (await fetch(`${testServer.url}/models/gpt-a`)).json()) as object), false);
    });
  },
);
