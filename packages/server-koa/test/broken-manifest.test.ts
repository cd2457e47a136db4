// A manifest that cannot be used is refused with its position; the models stay, and the next valid one loads.
import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest, ModelEntry, Plugin } from '@lamina/core';
import { definePlugin } from '@lamina/core/plugin';
import { createTestLamina, type TestLamina } from '@lamina/testing';
import { createServer, type Server } from '@lamina/server-koa';
import type { ModelsAnswer } from './support/wire.js';

const good = 'models:\n  first: { path: model.gguf }\n';

/** What contains itself, and where that is. */
const circular: Readonly<Record<string, readonly [text: string, line: number, column: number]>> = {
  'an entry in itself': ['models:\n  a: &a\n    path: model.gguf\n    extra: *a\n', 4, 12],
  'options in themselves': ['models:\n  a: { path: model.gguf, options: &o { x: { y: *o } } }\n', 2, 48],
  'an entry merged with itself': ['models:\n  a: &a\n    path: model.gguf\n    <<: *a\n', 4, 9],
  'a list in itself': ['models:\n  a:\n    path: model.gguf\n    x: &l [1, *l]\n', 4, 15],
  'an entry in another that is in it': [
    'models:\n  a: &a\n    path: model.gguf\n    x: &x { up: [*a] }\n  b: { path: model.gguf, x: *x }\n',
    4,
    18,
  ],
  'backends in themselves': ['models: {}\nbackends: &b\n  x: { type: command, y: *b }\n', 3, 26],
};

const nested = (count: number, value: (before: string) => string) =>
  Array.from({ length: count }, (_, index) => `    l${index + 1}: &l${index + 1} ${value(`*l${index}`)}\n`).join('');
const start = 'models:\n  a:\n    path: model.gguf\n    l0: &l0 [x]\n';

/** What is short as it is written and long as data. */
const exploding: Readonly<Record<string, string>> = {
  'lists of lists of lists': start + nested(9, (before) => `[${Array(9).fill(before).join(', ')}]`),
  'one long text many times': `models:\n  a:\n    path: model.gguf\n    s: &s "${'x'.repeat(100_000)}"\n    l: [${Array(900).fill('*s').join(', ')}]\n`,
  'mappings merged twice and again':
    'models:\n  a:\n    path: model.gguf\n    l0: &l0 { x: 1 }\n' +
    nested(40, (before) => `{ <<: [${before}, ${before}] }`),
  'thousands of levels': start + nested(3000, (before) => `[${before}]`),
};

describe('a manifest that cannot be used', () => {
  let lamina: TestLamina;
  let server: Server;
  let url: string;

  async function serve(plugins: readonly Plugin[] = []): Promise<void> {
    lamina = await createTestLamina({ files: { 'model.gguf': 'x', 'models.yaml': good }, plugins });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
  }

  afterEach(async () => {
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
  });

  /** Puts another manifest in place, as editors do. */
  const write = async (text: string) => {
    await writeFile(join(lamina.modelsDir, '.models.yaml.new'), text);
    await rename(join(lamina.modelsDir, '.models.yaml.new'), join(lamina.modelsDir, 'models.yaml'));
  };
  const names = async () => Object.keys(((await (await fetch(`${url}/models`)).json()) as ModelsAnswer).models);
  interface Reloaded {
    readonly error?: {
      readonly code: string;
      readonly message: string;
      readonly details: { readonly line?: number; readonly column?: number };
    };
  }
  const reload = async () => (await (await fetch(`${url}/models/reload`, { method: 'POST' })).json()) as Reloaded;

  for (const [what, [text, line, column]] of Object.entries(circular)) {
    it(`is refused with its position when it has ${what}; the models stay, and the next valid manifest loads`, async () => {
      await serve();
      await write(text);
      const { error } = await reload();
      assert.deepEqual([error?.code, error?.details.line, error?.details.column], ['CONFIG_INVALID', line, column]);
      assert.match(error!.message, /contains itself/);
      assert.deepEqual(await names(), ['first']);
      await assert.rejects(lamina.models.save('second', { path: 'model.gguf' }), { code: 'CONFLICT' });
      await write(`${good}  third: { path: model.gguf }\n`);
      assert.equal((await reload()).error, undefined);
      await lamina.models.save('second', { path: 'model.gguf' });
      assert.equal((await fetch(`${url}/models/third`, { method: 'DELETE' })).status, 200);
      assert.deepEqual(await names(), ['first', 'second']);
    });
  }

  for (const [what, text] of Object.entries(exploding)) {
    it(`is refused when its aliases make it too large: ${what}`, async () => {
      await serve();
      await write(text);
      const { error } = await reload();
      assert.equal(error?.code, 'CONFIG_INVALID');
      assert.match(error.message, /aliases/);
      assert.ok(error.details.line! >= 1);
      assert.deepEqual(await names(), ['first']);
    });
  }

  it('loads when more than a thousand entries share one anchor', async () => {
    await serve();
    const entries = Array.from(
      { length: 1200 },
      (_, index) => `  m${index}: { <<: *common, options: *options }\n`,
    ).join('');
    await write(
      `x-common: &common { path: model.gguf, description: shared }\nx-options: &options { threads: 2 }\nmodels:\n${entries}`,
    );
    assert.equal((await reload()).error, undefined);
    assert.equal((await names()).length, 1200);
  });

  it('is logged after an edit by hand; changes made meanwhile load with the next valid one', async () => {
    await serve();
    const signal = AbortSignal.timeout(10_000);
    const invalid = lamina.events.once('manifest.invalid', { signal });
    await write(circular['an entry in itself']![0]);
    assert.match((await invalid).error.message, /contains itself/);
    const again = lamina.events.once('manifest.invalid', { signal });
    await writeFile(join(lamina.modelsDir, 'late.gguf'), 'x');
    await again;
    const changed = lamina.events.once('manifest.changed', { signal });
    await write(`${good}  late: { path: late.gguf }\n`);
    await changed;
    assert.equal(lamina.models.get('late')?.available, true);
  });

  it('keeps the models while a plugin makes the catalog fail, and reports it until that ends', async () => {
    let isBroken = false;
    const plugin = definePlugin({
      name: 'breaker',
      setup: ({ hooks }) =>
        hooks.describeModel.tap((model) => (isBroken ? ({ name: model.name } as never) : undefined)),
    });
    await serve([plugin()]);
    isBroken = true;
    await write(`${good}  second: { path: model.gguf }\n`);
    const { error } = await reload();
    assert.equal(error?.code, 'CONFIG_INVALID');
    assert.match(error.message, /^The models cannot be read: /);
    assert.deepEqual(await names(), ['first']);
    isBroken = false;
    await lamina.models.save('third', { path: 'model.gguf' });
    assert.deepEqual(await names(), ['first', 'second', 'third']);
  });

  it('is refused as data when it is cyclic or not JSON', async () => {
    await serve();
    const entry: Record<string, unknown> = { path: 'model.gguf' };
    entry['self'] = { deep: [entry] };
    await assert.rejects(createTestLamina({ manifest: { models: { a: entry } } as Partial<Manifest> }), {
      code: 'CONFIG_INVALID',
      message: 'models.a.self.deep.0 contains itself; remove it there',
    });
    for (const bad of [10n, () => 1])
      await assert.rejects(createTestLamina({ manifest: { models: { a: { path: 'a', bad } } } }), {
        code: 'CONFIG_INVALID',
        message: /^models\.a\.bad is a (bigint|function)/,
      });
    await assert.rejects(lamina.models.save('a', entry as ModelEntry), {
      code: 'REQUEST_INVALID',
      message: /contains itself/,
    });
    assert.deepEqual(await names(), ['first']);
  });
});
