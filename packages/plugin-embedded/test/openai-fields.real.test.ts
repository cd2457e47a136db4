// The fields of OpenAI's API that clients send: each is honoured, or refused with its name.
import assert from 'node:assert/strict';
import { tinyGguf } from '@lamina/testing';
import type { ModelServer } from '@lamina/core/plugin';
import { describeReal, events, Ground, modelOf, post } from './real-engine.js';

const says = ' Hello from the model tiny.';
const user = (content: string) => [{ role: 'user' as const, content }];

describeReal('the API of the embedded engine', function () {
  this.timeout(60_000);
  let ground: Ground;
  let generator: ModelServer;
  let embedder: ModelServer;

  before(async () => {
    ground = await Ground.open();
    const { paths } = await tinyGguf(ground.path('tiny.gguf'));
    const model = await modelOf(paths[0]);
    generator = await ground.start(model);
    embedder = await ground.start(model, { embeddings: true });
  });
  after(() => ground.close());

  const complete = (body: object) => post(generator, 'completions', { ...body } as never);
  const chat = (body: object) => post(generator, 'chat/completions', { ...body } as never);
  const embed = (body: object) => post(embedder, 'embeddings', { ...body } as never);
  const chunksOf = async (route: string, body: object) =>
    (await events(generator, route, { ...body, stream_options: { include_usage: true } } as never))
      .slice(0, -1)
      .map((text) => JSON.parse(text));

  describe('POST /v1/completions', () => {
    it('continues each prompt of a list, in its order, and counts the tokens of all', async () => {
      const { json } = await complete({ prompt: ['Once', 'Once upon'], max_tokens: 2 });
      assert.deepEqual(
        json.choices.map(({ index, text }: { index: number; text: string }) => [index, text]),
        [
          [0, ' Hello from'],
          [1, ' Hello from'],
        ],
      );
      const { prompt_tokens, completion_tokens, total_tokens } = json.usage;
      assert.deepEqual([prompt_tokens, completion_tokens, total_tokens], [15, 4, 19]);
    });

    it('accepts token ids, alone and as a list of lists', async () => {
      const { json } = await complete({ prompt: [[300], [300, 301]], max_tokens: 1 });
      const alone = await complete({ prompt: [300, 301], max_tokens: 1 });
      assert.equal(json.choices.length, 2);
      assert.equal(json.choices[1].text, alone.json.choices[0].text);
    });

    it('generates n choices of each prompt', async () => {
      const { json } = await complete({ prompt: ['a', 'b'], n: 2, best_of: 2 });
      assert.deepEqual(
        json.choices.map(({ index, text }: { index: number; text: string }) => [index, text]),
        [0, 1, 2, 3].map((index) => [index, says]),
      );
      assert.equal(json.usage.prompt_tokens, 4);
    });

    it('streams every choice under its index, and the usage at the end', async () => {
      const chunks = await chunksOf('completions', { prompt: ['a', 'b'] });
      const texts = [0, 1].map((index) =>
        chunks
          .flatMap(({ choices }) => choices)
          .filter((choice) => choice.index === index)
          .map(({ text }) => text)
          .join(''),
      );
      assert.deepEqual(texts, [says, says]);
      assert.equal(chunks.at(-1).usage.prompt_tokens, 4);
    });
  });

  describe('POST /v1/chat/completions', () => {
    it('generates n choices, which differ by their seeds, and counts the prompt once', async () => {
      const one = await chat({ messages: user('Hello?') });
      const { json } = await chat({
        messages: user('Hello?'),
        n: 3,
        temperature: 100,
        top_k: 0,
        top_p: 1,
        min_p: 0,
        seed: 7,
        max_tokens: 8,
      });
      const contents = json.choices.map(({ message }: { message: { content: string } }) => message.content);
      assert.equal(new Set(contents).size, 3);
      assert.equal(json.usage.prompt_tokens, one.json.usage.prompt_tokens);
    });

    it('streams every choice under its index', async () => {
      const chunks = await chunksOf('chat/completions', { messages: user('Hello?'), n: 2 });
      const choices = chunks.flatMap((chunk) => chunk.choices);
      for (const index of [0, 1]) {
        const own = choices.filter((choice) => choice.index === index);
        assert.equal(own[0].delta.role, 'assistant');
        assert.equal(own.map(({ delta }) => delta.content ?? '').join(''), says.trim());
        assert.equal(own.at(-1).finish_reason, 'stop');
      }
    });

    it('treats null in messages as a missing field', async () => {
      const message = { role: 'user', content: 'Hello?', name: null, tool_calls: null, tool_call_id: null };
      assert.equal((await chat({ messages: [message] })).status, 200);
    });

    it('ends at a stop sequence, given alone or in a list', async () => {
      for (const stop of [' model', [' model', 'x']])
        assert.equal(
          (await chat({ messages: user('Hello?'), stop })).json.choices[0].message.content,
          'Hello from the',
        );
    });

    it('ends after max_completion_tokens', async () => {
      const { json } = await chat({ messages: user('Hello?'), max_completion_tokens: 2 });
      assert.deepEqual([json.choices[0].finish_reason, json.usage.completion_tokens], ['length', 2]);
    });
  });

  describe('POST /v1/embeddings', () => {
    it('accepts token ids, which give the embedding of their text', async () => {
      const text = await embed({ input: ['Hello', 'a'] });
      const { json } = await embed({ input: [[300, 301], [302]] });
      assert.equal(json.data.length, 2);
      assert.equal(json.data[0].embedding.length, text.json.data[0].embedding.length);
      assert.deepEqual((await embed({ input: [300, 301] })).json.data[0].embedding, json.data[0].embedding);
      assert.equal(json.usage.prompt_tokens, 3);
    });

    it('shortens embeddings to the dimensions of the request, of length one again', async () => {
      const whole = (await embed({ input: 'text' })).json.data[0].embedding as number[];
      const short = (await embed({ input: 'text', dimensions: 8 })).json.data[0].embedding as number[];
      assert.equal(short.length, 8);
      assert.ok(Math.abs(Math.hypot(...short) - 1) < 1e-9);
      assert.ok(Math.abs(short[1]! / short[0]! - whole[1]! / whole[0]!) < 1e-6);
      const base64 = (await embed({ input: 'text', dimensions: 8, encoding_format: 'base64' })).json.data[0].embedding;
      assert.equal(Buffer.from(base64 as string, 'base64').length, 8 * 4);
    });
  });

  describe('a field that cannot be honoured', () => {
    const cases: readonly (readonly [route: 'chat' | 'completions' | 'embeddings', body: object, says: RegExp])[] = [
      ['chat', { n: 9 }, /"n" must be <= 8/],
      ['chat', { logprobs: true }, /does not support "logprobs"/],
      ['chat', { top_logprobs: 2 }, /does not support "top_logprobs"/],
      ['chat', { functions: [{ name: 'now' }] }, /does not support "functions"/],
      ['chat', { logit_bias: { 100_000: 1 } }, /"logit_bias" has the token 100000, and the model has the tokens 0 to/],
      ['completions', { prompt: 'a', n: 2, best_of: 4 }, /"best_of" must be 2/],
      ['completions', { prompt: 'a', echo: true }, /does not support "echo"/],
      ['completions', { prompt: [1, 100_000] }, /"prompt" has the token 100000/],
      ['completions', { prompt: [-1] }, /"prompt" has the token -1/],
      ['completions', { prompt: [] }, /"prompt" must be a text, a list of texts, a list of token ids/],
      ['embeddings', { input: [100_000] }, /check_embedding_ctx_length=False/],
      ['embeddings', { input: { text: 'a' } }, /"input" must be a text, a list of texts, a list of token ids/],
      ['embeddings', { input: 'a', dimensions: 65 }, /"dimensions" is 65, and the embeddings of this model have 64/],
    ];
    for (const [route, body, message] of cases)
      it(`is refused with its name: ${JSON.stringify(body)}`, async () => {
        const send = {
          chat: (fields: object) => chat({ messages: user('a'), ...fields }),
          completions: complete,
          embeddings: embed,
        };
        const { status, json } = await send[route](body);
        assert.equal(status, 400);
        assert.equal(json.error.type, 'invalid_request_error');
        assert.match(json.error.message, message);
        assert.ok(message.source.includes(json.error.param) || json.error.param === 'input');
      });

    it('is no refusal when the value asks for nothing', async () => {
      const nothing = { best_of: 1, echo: false, suffix: '', logprobs: null, logit_bias: null };
      assert.equal((await complete({ prompt: 'a', ...nothing })).status, 200);
      assert.equal((await chat({ messages: user('a'), logprobs: false, top_logprobs: 0 })).status, 200);
    });
  });
});
