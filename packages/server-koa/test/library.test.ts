// Suggestions, and operations on the models as a whole.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { modelsView } from '@lamina/core';
import type { ModelsView } from '@lamina/core/protocol';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { createServer } from '@lamina/server-koa';
import { startTestServer, type TestServer } from './support/test-server.js';

interface Suggested {
  suggested: string;
  available: boolean;
  reasons: string[];
  model_info: { use_cases?: string[] };
  alternatives: { name: string; available: boolean; command?: string }[];
}

describe('the routes for models as a whole', () => {
  let testServer: TestServer;

  beforeEach(async () => {
    testServer = await startTestServer({
      models: { small: {}, large: {} },
      entries: {
        missing: {
          path: 'missing.fake',
          backend: 'fake',
          size: '1GB',
          use_cases: ['conversational'],
          download: { huggingface: { repo_id: 'a/b', filename: 'c.gguf' } },
        },
        speaker: { path: 'model.fake', backend: 'fake', description: 'Talks a lot', use_cases: ['conversational'] },
      },
    });
  });

  afterEach(() => testServer.close());

  const answer = async <Answer>(response: Promise<Response>, status = 200) => {
    const { status: actual, ...rest } = await response.then(async (one) => ({
      status: one.status,
      body: (await one.json()) as Answer,
    }));
    assert.equal(actual, status, JSON.stringify(rest.body));
    return rest.body;
  };
  const code = async (response: Promise<Response>, status: number) =>
    (await answer<{ error: { code: string } }>(response, status)).error.code;
  const names = async (query: string) =>
    Object.keys((await answer<{ models: object }>(fetch(`${testServer.url}/models?${query}`))).models);

  it('suggest a model for a use case, with reasons and others', async () => {
    const found = await answer<Suggested>(testServer.post('/suggest', JSON.stringify({ use_case: 'conversational' })));
    assert.equal(found.suggested, 'speaker');
    assert.equal(found.available, true);
    assert.ok(found.reasons.length > 0);
    assert.deepEqual(found.model_info.use_cases, ['conversational']);
    const absent = found.alternatives.find(({ name }) => name === 'missing');
    assert.equal(absent?.available, false);
    assert.equal(typeof absent?.command, 'string');
  });

  it('report when no model fits, and when the request is invalid', async () => {
    assert.equal(await code(testServer.post('/suggest', JSON.stringify({ max_size: 1 })), 404), 'NO_SUGGESTION');
    assert.equal(await code(testServer.post('/suggest', JSON.stringify({ max_size: 'huge' })), 400), 'REQUEST_INVALID');
    assert.equal(await code(testServer.post('/suggest', '[]'), 400), 'REQUEST_INVALID');
  });

  it('list every model with its current state, adapters with the state of their base', async () => {
    await testServer.lamina.models.save('voice', { path: 'model.fake', backend: 'fake', base: 'small' });
    await testServer.lamina.models.save('orphan', { path: 'model.fake', backend: 'fake', base: 'nobody' });
    const listed = () => answer<ModelsView>(fetch(`${testServer.url}/models`));
    const active = async () =>
      Object.entries((await listed()).models)
        .filter(([, model]) => model.active)
        .map(([name]) => name);
    assert.deepEqual(
      await listed(),
      JSON.parse(JSON.stringify(modelsView(testServer.lamina, testServer.lamina.models.list()))),
    );
    assert.deepEqual(await active(), []);
    await testServer.post('/models/small/start', '');
    assert.deepEqual(await active(), ['small', 'voice']);
    assert.deepEqual(await names('state=ready'), ['small', 'voice']);
    await testServer.lamina.models.save('small', {
      ...testServer.lamina.models.get('small')!.entry,
      description: 'Edited',
    });
    assert.equal((await listed()).models['small']!.description, 'Edited');
    assert.deepEqual(
      await listed(),
      JSON.parse(JSON.stringify(modelsView(testServer.lamina, testServer.lamina.models.list()))),
    );
  });

  it('list the models that match a query', async () => {
    await testServer.post('/models/small/start', '');
    assert.deepEqual(await names('state=ready'), ['small']);
    assert.deepEqual(await names('q=TALKS'), ['speaker']);
    assert.deepEqual(await names('format=gguf'), []);
    assert.deepEqual((await names('format=fake&state=stopped')).sort(), ['large', 'missing', 'speaker']);
    assert.equal(await code(fetch(`${testServer.url}/models?state=running`), 400), 'REQUEST_INVALID');
  });

  it('validate all models, or some of them', async () => {
    const all = await answer<{
      valid: boolean;
      checked: number;
      models: Record<string, { valid: boolean; problems: { kind: string }[] }>;
    }>(testServer.post('/models/validate', ''));
    assert.equal(all.valid, false);
    assert.equal(all.checked, 4);
    assert.deepEqual(
      all.models['missing']?.problems.map(({ kind }) => kind),
      ['absent'],
    );
    const one = await answer<{ valid: boolean; checked: number }>(
      testServer.post('/models/validate', JSON.stringify({ models: ['small'] })),
    );
    assert.deepEqual([one.valid, one.checked], [true, 1]);
    assert.equal(
      await code(testServer.post('/models/validate', JSON.stringify({ models: 'small' })), 400),
      'REQUEST_INVALID',
    );
    assert.equal(
      await code(testServer.post('/models/validate', JSON.stringify({ models: ['smal'] })), 404),
      'MODEL_NOT_FOUND',
    );
  });

  it('validate the manifest, also after it became invalid', async () => {
    interface Validated {
      readonly valid: boolean;
      readonly diagnostics: readonly { severity: string; model?: string; line: number; column: number }[];
    }
    const text =
      'models:\n  small: { path: small.fake, backend: fake, nots: x }\n  bad: { path: small.fake, backend: fak }\n';
    await onFile(text, async (url, file) => {
      const validate = (body: string) =>
        answer<Validated>(
          fetch(`${url}/models/validate`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
        );
      const { valid, diagnostics } = await validate('{}');
      assert.equal(valid, false);
      assert.deepEqual(
        diagnostics.map(({ severity, model, line, column }) => [severity, model, line, column]),
        [
          ['warning', 'small', 2, 45],
          ['error', 'bad', 3, 28],
        ],
      );
      const small = await validate('{"models":["small"]}');
      assert.deepEqual([small.valid, small.diagnostics.length], [true, 1]);
      assert.equal((await answer<{ diagnostics: number }>(fetch(`${url}/health`))).diagnostics, 2);
      await writeFile(file, 'models:\n  small: { path: 5 }\n');
      await answer(fetch(`${url}/models/reload`, { method: 'POST' }), 500);
      const invalid = await validate('{"models":["small"]}');
      assert.deepEqual(
        [invalid.valid, invalid.diagnostics[0]!.severity, invalid.diagnostics[0]!.line],
        [false, 'error', 2],
      );
    });
  });

  /** A server on a manifest that is a file. */
  async function onFile(text: string, test: (url: string, file: string) => Promise<void>): Promise<void> {
    const lamina = await createTestLamina({
      files: { 'small.fake': 'small', 'large.fake': 'large', 'models.yaml': text },
      plugins: [fakePlugin()],
    });
    const server = createServer(lamina, { port: 0 });
    try {
      await test(await server.listen(), join(lamina.modelsDir, 'models.yaml'));
    } finally {
      await server.close({ signal: AbortSignal.abort() });
      await lamina.close();
    }
  }

  it('reload the manifest, and keep the last one when it is invalid', () =>
    onFile('models:\n  first: { path: small.fake, backend: fake }\n', async (url, file) => {
      await writeFile(
        file,
        'models:\n  first: { path: small.fake, backend: fake }\n  second: { path: large.fake, backend: fake }\n',
      );
      const post = () => fetch(`${url}/models/reload`, { method: 'POST' });
      assert.equal((await answer<{ total: number }>(post())).total, 2);
      await writeFile(file, 'models: [\n');
      assert.equal(await code(post(), 500), 'CONFIG_INVALID');
      assert.equal((await fetch(`${url}/models/second`)).status, 200);
    }));

  it('remove an entry, and its files only with files=1', () => {
    const text =
      '# mine\nmodels:\n  small: { path: small.fake, backend: fake } # keep me\n  large: { path: large.fake, backend: fake }\n';
    return onFile(text, async (url, file) => {
      const remove = (name: string) =>
        answer<{ removed: string; deleted: string[] }>(fetch(`${url}/models/${name}`, { method: 'DELETE' }));
      assert.deepEqual(await remove('large').then(({ removed, deleted }) => [removed, deleted]), ['large', []]);
      assert.equal(await readFile(file, 'utf8'), text.replace(/ {2}large.*\n/, ''));
      assert.deepEqual((await remove('small?files=1')).deleted, [join(file, '..', 'small.fake')]);
      assert.equal(await code(fetch(`${url}/models/small`), 404), 'MODEL_NOT_FOUND');
    });
  });
});
