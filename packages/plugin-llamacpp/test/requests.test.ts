import assert from 'node:assert/strict';
import { LaminaError, type JsonObject, type Model, type ServerInfo } from '@lamina/core/plugin';
import { applyAdapter, prepareAdapters } from '../dist/adapters.js';
import { llamaCppBackend } from '../dist/backend.js';
import { readError } from '../dist/errors.js';
import { progressOf } from '../dist/progress.js';
import { adaptRequest } from '../dist/requests.js';
import { file, modelOf } from './model.js';

const { accepts } = llamaCppBackend().create('llama.cpp', {});

const adapter = modelOf({ name: 'pirate', base: 'tiny', files: [file('adapter', '/pirate.gguf')] });

describe('a request', () => {
  const body: JsonObject = { model: '1', messages: [] };
  const info: ServerInfo = { ids: { pirate: '1' } };

  it('for the base model is unchanged', () => {
    assert.equal(applyAdapter(body, { model: modelOf(), route: 'chat/completions', info }), body);
  });

  it('for an adapter selects it by the id of the running server', () => {
    assert.deepEqual(applyAdapter(body, { model: adapter, route: 'chat/completions', info }), {
      model: 'pirate',
      messages: [],
      lora: [{ id: 1, scale: 1 }],
    });
    assert.deepEqual(
      applyAdapter(body, { model: { ...adapter, options: { lora_scale: 0.5 } }, route: 'completions', info })['lora'],
      [{ id: 1, scale: 0.5 }],
    );
  });

  it('that only counts tokens does not select an adapter', () => {
    assert.deepEqual(applyAdapter(body, { model: adapter, route: 'messages/count_tokens', info }), {
      model: 'pirate',
      messages: [],
    });
  });

  it('is rejected when llama-server would respond without the adapter', () => {
    for (const route of ['messages', 'embeddings', 'rerank']) {
      assert.throws(
        () => applyAdapter(body, { model: adapter, route, info }),
        (error) => LaminaError.is(error, 'NOT_SUPPORTED') && error.message.includes(`/v1/${route}`),
      );
    }
    assert.throws(
      () => applyAdapter(body, { model: adapter, route: 'completions', info: {} }),
      (error) => LaminaError.is(error, 'NOT_SUPPORTED') && error.message.includes('was not loaded'),
    );
  });
});

describe('a request for embeddings', () => {
  const about = { model: modelOf({ metadata: { embeddingLength: 64 } }), route: 'embeddings', info: {} };

  it('is rejected when llama-server would ignore its dimensions', () =>
    assert.throws(
      () => adaptRequest({ input: 'a', dimensions: 8 }, about),
      (error) => LaminaError.is(error, 'NOT_SUPPORTED') && error.message.includes('"dimensions"'),
    ));

  it('is unchanged with the dimensions of the model, or without', () => {
    for (const body of [{ input: 'a', dimensions: 64 }, { input: 'a', dimensions: null }, { input: 'a' }])
      assert.equal(adaptRequest(body, about), body);
  });
});

describe('the adapters of a server', () => {
  it('are disabled, then identified by the id llama-server assigned to their file', async () => {
    const requests: unknown[] = [];
    const request = (path: string, init?: { method?: string; body?: unknown }) => {
      requests.push([init?.method ?? 'GET', path, init?.body]);
      return Promise.resolve([
        { id: 0, path: '/by-hand.gguf', scale: 0 },
        { id: 1, path: '/pirate.gguf', scale: 0 },
      ]);
    };
    const ids = await prepareAdapters({ adapters: [adapter], request }, AbortSignal.timeout(1000));
    assert.deepEqual(ids, { pirate: '1' });
    assert.deepEqual(requests, [
      ['POST', '/lora-adapters', []],
      ['GET', '/lora-adapters', undefined],
    ]);
  });

  it('are not requested when there are none', async () => {
    const request = () => assert.fail('a request was sent');
    assert.deepEqual(await prepareAdapters({ adapters: [], request }, AbortSignal.timeout(1000)), {});
  });
});

describe('a file for llama.cpp', () => {
  it('is accepted when it is a model', () => {
    assert.deepEqual(accepts(modelOf({ metadata: { kind: 'model', architecture: 'llama' } })), {
      rank: 10,
      reason: 'GGUF is the format of llama.cpp',
    });
    assert.ok('rank' in accepts(modelOf()));
    assert.ok('rank' in accepts({ ...adapter, metadata: { kind: 'adapter' } }));
  });

  it('is rejected with advice when it only works together with a model', () => {
    const refusal = (metadata: object) => (accepts(modelOf({ metadata })) as { refused?: string }).refused ?? '';
    assert.match(refusal({ kind: 'mmproj' }), /projector: set it as `projector`/);
    assert.match(refusal({ architecture: 'clip' }), /projector/);
    assert.match(refusal({ kind: 'adapter' }), /adapter: set the model it changes as `base`/);
  });
});

describe('an error of llama-server', () => {
  const read = (status: number, text: string, model: Model = modelOf()) =>
    readError(status, Buffer.from(text), { model, route: 'chat/completions' });

  it('about the length of the prompt has the code that OpenAI clients know', () => {
    const body = {
      error: {
        code: 400,
        message: 'request (6004 tokens) exceeds the available context size (1024 tokens), try increasing it',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 6004,
        n_ctx: 1024,
      },
    };
    assert.deepEqual(read(400, JSON.stringify(body)), {
      message:
        'The request has 6004 tokens and the context has 1024. Shorten it, or raise the option "context_length".',
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      details: { prompt_tokens: 6004, context_length: 1024 },
    });
  });

  it('about a feature that is switched off or missing is final, and names the option of Lamina', () => {
    const projector = [file('weights', '/a.gguf'), file('projector', '/mmproj.gguf')];
    const cases: readonly [string, RegExp, Model?][] = [
      ['This server does not support embeddings. Start it with `--embeddings`', /^Model "tiny" .*"embeddings: true"/],
      ['This server does not support reranking. Start it with `--reranking`', /"rerank: true" in its options/],
      ["Pooling type 'none' is not OAI compatible. Please use a different pooling type", /"pooling"/],
      ['tools param requires --jinja flag', /"jinja: true"/],
      ['image input is not supported - hint: if this is unexpected, you may need to provide the mmproj', /"projector"/],
      ['The current model does not support audio input.', /does not support audio input.*mmproj/],
      [
        'image input is not supported',
        /"projector: true"/,
        modelOf({ files: projector, options: { projector: false } }),
      ],
      ['audio input is not supported', /another model/, modelOf({ files: projector })],
      ['This server does not support embeddings.', /^Model "tiny".*of this base/, adapter],
    ];
    for (const [message, expected, model] of cases) {
      for (const status of [500, 501]) {
        const error = read(status, JSON.stringify({ error: { code: status, message, type: 'server_error' } }), model);
        assert.ok(LaminaError.is(error, 'NOT_SUPPORTED'), message);
        assert.match(error.message, expected);
        assert.equal(error.message.includes('--'), false, 'a flag of llama-server');
      }
    }
    const large =
      'input (101 tokens) is too large to process. increase the physical batch size (current batch size: 64)';
    const error = read(500, JSON.stringify({ error: { code: 500, message: large, type: 'server_error' } }));
    assert.ok(LaminaError.is(error, 'REQUEST_INVALID') && /101.*64.*"ubatch_size"/.test(error.message));
  });

  it('of any other kind is read by the default rules', () => {
    for (const text of [
      '{"error":{"code":400,"message":"x","type":"invalid_request_error"}}',
      '{"error":"x"}',
      'null',
      '<html>',
    ])
      assert.equal(read(400, text), undefined);
  });
});

describe('the log of a start', () => {
  it('reports the stages', () => {
    const lines = [
      "0.00.015.236 I srv    load_model: loading model 'a.gguf'",
      '0.00.026.275 I load_tensors: loading model tensors, this can take a while... (load_mode = mmap)',
      "0.00.023.905 I common_speculative_init_result: loading draft model 'draft.gguf'",
      '0.00.026.968 I llama_kv_cache:        CPU KV buffer size =     0.50 MiB',
      '0.00.028.387 I cmn  common_init_: warming up the model with an empty run - please wait ... (--no-warmup to disable)',
      "0.00.019.775 I srv    load_model: initializing, n_slots = 4, n_ctx_slot = 1024, kv_unified = 'true'",
      '0.00.022.645 I srv  llama_server: model loaded',
    ];
    assert.deepEqual(
      lines.map((line) => progressOf(line)?.stage),
      [
        'loading model',
        'loading weights',
        'loading draft model',
        'making context',
        'warming up',
        'making slots',
        'model loaded',
      ],
    );
  });

  it('reports no stage for other lines', () => {
    assert.equal(progressOf('0.00.990.522 I srv    operator(): operator(): cleaning up before exit...'), undefined);
  });
});
