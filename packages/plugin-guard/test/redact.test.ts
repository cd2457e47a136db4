// What is redacted in requests, bodies and the streams of each API, and what is left alone.
import assert from 'node:assert/strict';
import type { JsonObject } from '@lamina/core';
import { createTestLamina } from '@lamina/testing';
import { guard } from '../dist/index.js';
import { chatChunks, eventsIn, messages, startStage, type Stage } from './support/engine.js';

const secret = 'sk-abcdefgh';
const rule = { pattern: 'sk-[a-z]{8}', replacement: '***' };

describe('redaction', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage([guard({ redact: [rule, { pattern: 'only-in-requests', apply_to: 'requests' }] })]);
  });
  after(() => stage.close());

  const events = async (path: string, more: object = {}) =>
    eventsIn(await (await stage.post(path, { messages, stream: true, ...more })).text());

  describe('in requests', () => {
    /** What the engine gets. */
    const seen = async (path: string, body: object) => {
      stage.reply = { body: {} };
      await (await stage.post(path, body)).text();
      return stage.seen;
    };

    it('covers messages, parts, tool calls and their results, prompts, inputs and instructions', async () => {
      for (const [path, body] of [
        ['chat/completions', { messages: [{ role: 'user', content: `${secret} and ${secret}` }] }],
        ['chat/completions', { messages: [{ role: 'user', content: [{ type: 'text', text: secret }] }] }],
        [
          'chat/completions',
          {
            messages: [
              {
                role: 'assistant',
                tool_calls: [{ id: 'call', function: { name: 'find', arguments: `{"a":"${secret}"}` } }],
              },
              { role: 'tool', tool_call_id: 'call', content: secret },
            ],
          },
        ],
        ['completions', { prompt: [`a ${secret}`, 'b'], suffix: secret }],
        ['embeddings', { input: secret }],
        [
          'messages',
          {
            max_tokens: 9,
            system: [{ type: 'text', text: secret, cache_control: { type: 'ephemeral' } }],
            messages: [
              {
                role: 'assistant',
                content: [{ type: 'tool_use', id: 'one', name: 'find', input: { name: secret, id: [secret] } }],
              },
              { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'one', content: secret }] },
              { role: 'user', content: [{ type: 'document', source: { type: 'text', data: secret } }] },
            ],
          },
        ],
        [
          'responses',
          { instructions: secret, input: [{ role: 'user', content: [{ type: 'input_text', text: secret }] }] },
        ],
        ['rerank', { query: secret, documents: [secret, { text: secret }] }],
      ] as const) {
        const expected = JSON.parse(JSON.stringify(body).replaceAll(secret, '***')) as object;
        assert.deepEqual(await seen(`/v1/${path}`, body), { model: 'far', ...expected }, path);
      }
    });

    it('leaves names, ids, roles, schemas, images and sounds as they are', async () => {
      const parameters = { type: 'object', description: secret };
      const url = `data:image/png;base64,${secret}`;
      const body = {
        messages: [
          { role: secret, tool_call_id: secret, name: secret, content: 'hi' },
          {
            role: 'user',
            content: [
              { type: 'image_url', image_url: { url } },
              { type: 'input_audio', input_audio: { data: secret, format: 'wav' } },
              { type: 'image', source: { type: 'base64', media_type: 'image/png', data: secret } },
            ],
          },
        ],
        tools: [{ type: 'function', function: { name: secret, description: secret, parameters } }],
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: parameters } },
      };
      assert.deepEqual(await seen('/v1/chat/completions', body), { model: 'far', ...body });
    });

    it('sends a request without a match byte for byte', async () => {
      const body = `{ "model": "far", "seed": 12345678901234567890, "messages": [{"role":"user","content":"hi"}] }`;
      const changed = body.replace('hi', 'only-in-requests');
      let bytes = '';
      stage.reply = { body: {}, onBody: (text) => (bytes = text) };
      const post = (text: string) => fetch(`${stage.url}/v1/chat/completions`, { method: 'POST', body: text });
      await (await post(body)).text();
      assert.equal(bytes, body);
      await (await post(changed)).text();
      assert.ok(bytes.includes('[redacted]') && !bytes.includes('only-in-requests'), bytes);
    });
  });

  describe('in answers that are one body', () => {
    it('covers the texts of every API, and removes log probabilities, which have them token by token', async () => {
      for (const [path, body] of [
        [
          'chat/completions',
          {
            id: secret,
            choices: [
              {
                index: 0,
                message: { role: 'assistant', content: secret, reasoning_content: `only-in-requests ${secret}` },
                logprobs: { content: [{ token: 'sk-' }, { token: 'abcdefgh' }] },
                finish_reason: 'stop',
              },
            ],
            usage: { prompt_tokens: 1 },
          },
        ],
        ['completions', { choices: [{ text: `a ${secret}`, logprobs: null }] }],
        [
          'messages',
          {
            type: 'message',
            content: [
              { type: 'text', text: secret },
              { type: 'thinking', thinking: secret },
            ],
          },
        ],
        ['responses', { output: [{ type: 'message', content: [{ type: 'output_text', text: secret }] }] }],
      ] as const) {
        stage.reply = { body };
        const answer = await (
          await stage.post(`/v1/${path}`, { messages, prompt: 'a', input: 'a', max_tokens: 9 })
        ).json();
        const text = JSON.stringify(body)
          .replaceAll(secret, '***')
          .replace('"id":"***"', `"id":"${secret}"`)
          .replace(/"logprobs":\{.*\]\},/, '');
        assert.deepEqual(answer, JSON.parse(text), path);
      }
    });
  });

  describe('in streams', () => {
    it('holds back only what may become a match, and sends each chunk at once', async () => {
      stage.reply = { chunks: chatChunks(['key ', 's', 'k-abc', 'defgh', '! ask', '?']) };
      const texts = (await events('/v1/chat/completions')).map(
        ({ choices }) => (choices as unknown as { delta: { content?: string } }[])[0]!.delta.content,
      );
      assert.deepEqual(texts, ['', 'key ', '', '', '', '***! a', 'sk?', undefined]);
    });

    it('sends the rest before the finish chunk, and the usage after it', async () => {
      const usage = { prompt_tokens: 1, completion_tokens: 2 };
      const chunks = chatChunks(['an sk-', 'abc'], usage);
      stage.reply = { chunks };
      const received = await events('/v1/chat/completions', { stream_options: { include_usage: true } });
      assert.deepEqual(received.slice(-2), chunks.slice(-2));
      assert.deepEqual(received.at(-3), {
        id: 'one',
        object: 'chat.completion.chunk',
        model: 'far',
        choices: [{ index: 0, delta: { content: 'sk-abc' }, finish_reason: null }],
      });
    });

    it('sends the rest of a tool call without its id and name, which clients would add up', async () => {
      const choice = (delta: object, finish_reason: string | null = null) => ({
        id: 'one',
        choices: [{ index: 0, delta, finish_reason }],
      });
      const call = (id: object, name: object, text: string) =>
        choice({ tool_calls: [{ index: 0, ...id, function: { ...name, arguments: text } }] });
      const end = choice({}, 'tool_calls');
      stage.reply = { chunks: [call({ id: 'call', type: 'function' }, { name: 'find' }, '{"a":"sk-'), end] };
      assert.deepEqual(await events('/v1/chat/completions'), [
        call({ id: 'call', type: 'function' }, { name: 'find' }, '{"a":"'),
        call({ type: 'function' }, {}, 'sk-'),
        end,
      ]);
    });

    it('covers completions, whose last text comes with the finish reason', async () => {
      const choice = (text: string, finish_reason: string | null = null) => ({
        choices: [{ index: 0, text, logprobs: { tokens: [text] }, finish_reason }],
      });
      stage.reply = { chunks: [choice('a sk-abcd'), choice('efgh sk-', 'length')] };
      assert.deepEqual(await events('/v1/completions', { prompt: 'a' }), [
        { choices: [{ index: 0, text: 'a ', finish_reason: null }] },
        { choices: [{ index: 0, text: '*** sk-', finish_reason: 'length' }] },
      ]);
    });

    it('covers the typed events of messages, and sends the rest before the end of its block', async () => {
      const delta = (text: string) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
      const before: JsonObject[] = [
        { type: 'message_start', message: { id: secret, content: [] } },
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ];
      const after: JsonObject[] = [
        { type: 'content_block_stop', index: 0 },
        { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 2 } },
        { type: 'message_stop' },
      ];
      const pieces = ['sk-ab', 'cdefgh ', 'sk-'].map(delta);
      stage.reply = { chunks: [...before, pieces[0]!, { type: 'ping' }, ...pieces.slice(1), ...after] };
      const received = await stage.post('/v1/messages', { messages, max_tokens: 9, stream: true });
      const text = await received.text();
      const texts = ['', '*** ', '', 'sk-'].map(delta);
      assert.deepEqual(eventsIn(text), [...before, texts[0]!, { type: 'ping' }, ...texts.slice(1), ...after]);
      for (const [, name, type] of text.matchAll(/^event: (.*)\ndata: \{"type":"([^"]+)"/gm)) assert.equal(name, type);
    });

    it('covers the typed events of responses, whole texts too, and numbers the events anew', async () => {
      const place = { item_id: 'one', output_index: 0, content_index: 0 };
      const delta = (sequence_number: number, text: string) => ({
        type: 'response.output_text.delta',
        sequence_number,
        ...place,
        delta: text,
      });
      const done = (sequence_number: number, text: string) => ({
        type: 'response.output_text.done',
        sequence_number,
        ...place,
        text,
      });
      const completed = (sequence_number: number, text: string) => ({
        type: 'response.completed',
        sequence_number,
        response: { id: 'r', output: [{ type: 'message', id: 'one', content: [{ type: 'output_text', text }] }] },
      });
      const whole = `${secret} sk-`;
      stage.reply = { chunks: [delta(3, 'sk-abcd'), delta(4, 'efgh sk-'), done(5, whole), completed(6, whole)] };
      assert.deepEqual(await events('/v1/responses', { input: 'a' }), [
        delta(3, ''),
        delta(4, '*** '),
        delta(5, 'sk-'),
        done(6, '*** sk-'),
        completed(7, '*** sk-'),
      ]);
    });
  });

  it('says which pattern is not a regular expression', async () => {
    await assert.rejects(createTestLamina({ plugins: [guard({ redact: [{ pattern: 'a(' }] })] }), {
      code: 'PLUGIN_FAILED',
      message: /guard.*Invalid regular expression: \/a\(\//,
    });
  });
});

describe('the plugin without options', () => {
  it('taps nothing and needs nothing', async () => {
    assert.deepEqual(guard().needs, []);
    const lamina = await createTestLamina({ plugins: [guard(), { ...guard({ redact: [] }), name: 'guard-too' }] });
    for (const { name, hooks } of lamina.plugins) if (name.startsWith('guard')) assert.deepEqual(hooks, []);
    await lamina.close();
  });
});
