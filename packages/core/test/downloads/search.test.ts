// Searching sources: side by side, with what each of them gets wrong.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { createLamina, type SearchOptions } from '@lamina/core';
import {
  definePlugin,
  LaminaError,
  type FoundModel,
  type Plugin,
  type SearchQuery,
  type Source,
} from '@lamina/core/plugin';
import { createTestLamina, watchForLeaks } from '@lamina/testing';

type Search = Required<Source>['search'];

/** A plugin with one source that can be searched. */
function shelf(name: string, search: Search): Plugin {
  const source: Source = {
    name,
    resolve: () => Promise.resolve(undefined),
    locate: () => Promise.reject(new Error('it has no files')),
    search,
  };
  return definePlugin({ name: `${name}-source`, setup: (lamina) => lamina.addSource(source) })();
}

const finding = (...found: readonly FoundModel[]) => shelf('shelf', () => Promise.resolve(found));
const tiny = { reference: 'shelf:tiny' };

describe('a search', () => {
  let noLeaks: () => Promise<void>;
  beforeEach(async () => (noLeaks = await watchForLeaks()));
  afterEach(() => noLeaks());

  async function search(plugins: Plugin[], options: SearchOptions = {}, text = 'tiny') {
    const lamina = await createTestLamina({ plugins });
    try {
      return await lamina.downloads.search(text, options);
    } finally {
      await lamina.close();
    }
  }

  it('asks every source that can at the same time, and returns what each of them finds', async () => {
    const queries: SearchQuery[] = [];
    let both: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (both = resolve));
    const sourceThatWaits = (name: string) =>
      shelf(name, async (query) => {
        if (queries.push(query) === 2) both();
        await asked;
        return [{ reference: `${name}:tiny`, downloads: 2, updatedAt: '2026-01-31T12:00:00.000Z', gated: true }];
      });
    const { models, failed } = await search([sourceThatWaits('one'), sourceThatWaits('two')], { limit: 3 }, ' tiny ');
    const found = { downloads: 2, updatedAt: '2026-01-31T12:00:00.000Z', gated: true };
    assert.deepEqual(models, [
      { source: 'one', reference: 'one:tiny', ...found },
      { source: 'two', reference: 'two:tiny', ...found },
    ]);
    assert.deepEqual(failed, []);
    assert.deepEqual(queries, [
      { text: 'tiny', limit: 3 },
      { text: 'tiny', limit: 3 },
    ]);
  });

  it('asks only the source that is named', async () => {
    const other = shelf('other', () => assert.fail('it was asked'));
    const { models } = await search([finding(tiny), other], { source: 'shelf' });
    assert.deepEqual(models, [{ source: 'shelf', ...tiny }]);
  });

  it('reports a source that fails beside the results of others', async () => {
    const broken = shelf('broken', () =>
      Promise.reject(new LaminaError('SOURCE_UNREACHABLE', { message: 'The disk of the mirror is full.' })),
    );
    const { models, failed } = await search([broken, finding(tiny)]);
    assert.deepEqual(models, [{ source: 'shelf', ...tiny }]);
    assert.deepEqual(
      failed.map(({ source, error: { code, message } }) => [source, code, message]),
      [['broken', 'SOURCE_UNREACHABLE', 'The disk of the mirror is full.']],
    );
  });

  it('fails when all sources fail', async () => {
    const broken = shelf('broken', () => Promise.reject(new TypeError('cannot read the list')));
    await assert.rejects(search([broken]), {
      code: 'PLUGIN_FAILED',
      message: /"broken" failed in search: cannot read/,
    });
  });

  it('says what to install when no source can, and which can when the named one cannot', async () => {
    await assert.rejects(search([]), {
      code: 'NOT_SUPPORTED',
      message: /^No installed source .*@lamina\/plugin-hf-source/,
    });
    const named = (source: string) => search([finding(tiny)], { source });
    await assert.rejects(named('url'), {
      code: 'NOT_SUPPORTED',
      message: 'The source "url" cannot be searched. Sources that can be searched: shelf.',
    });
    await assert.rejects(named('shelv'), {
      code: 'REQUEST_INVALID',
      message: 'There is no source "shelv". Sources that can be searched: shelf.',
    });
  });

  it('needs a text and a limit within bounds', async () => {
    for (const text of ['', '  ', 'x'.repeat(201)])
      await assert.rejects(search([finding(tiny)], {}, text), {
        code: 'REQUEST_INVALID',
        message: /1 to 200 characters/,
      });
    for (const limit of [0, 101, 1.5, NaN])
      await assert.rejects(search([finding(tiny)], { limit }), { code: 'REQUEST_INVALID', message: /from 1 to 100/ });
  });

  it('limits what a source returns: the number of results, and the text of each', async () => {
    const long = { ...tiny, description: `a\u001b[31m\n red\u202e ${'word '.repeat(100)}`, secret: 'x' };
    const { models } = await search([finding(long, tiny, tiny)], { limit: 2 });
    assert.equal(models.length, 2);
    const { description = '', ...rest } = models[0]!;
    assert.match(description, /^a \[31m red word word/);
    assert.ok(description.length <= 200);
    assert.deepEqual(rest, { source: 'shelf', ...tiny });
  });

  const wrong: [string, unknown, RegExp][] = [
    ['no list', undefined, /must be array/],
    ['no reference', [{}], /lacks "reference"/],
    ['a reference for a shell', [{ reference: 'shelf:$(reboot)' }], /must match pattern/],
    ['a reference like an option', [{ reference: '--server=x' }], /must match pattern/],
    ['a size that is none', [{ ...tiny, bytes: -1 }], /"0\.bytes"/],
    ['a date that is none', [{ ...tiny, updatedAt: 'yesterday' }], /"0\.updatedAt"/],
  ];
  for (const [what, found, message] of wrong)
    it(`fails with the name of the source for ${what}`, async () => {
      const error = { code: 'PLUGIN_FAILED', message: /"shelf" failed in search: its results are not valid/ };
      const thrown = search([shelf('shelf', () => Promise.resolve(found as never))]);
      await assert.rejects(thrown, error);
      await assert.rejects(thrown, { message });
    });

  it('ends at once with its signal, and when Lamina closes', async () => {
    let asked: () => void = () => undefined;
    const deaf = shelf('deaf', () => {
      asked();
      return new Promise(() => undefined);
    });
    const controller = new AbortController();
    asked = () => controller.abort();
    await assert.rejects(search([deaf], { signal: controller.signal }), { code: 'ABORTED' });
    const lamina = await createTestLamina({ plugins: [deaf] });
    asked = () => void lamina.close();
    await assert.rejects(lamina.downloads.search('tiny'), { code: 'SHUTTING_DOWN' });
    await lamina.close();
  });

  it('works while another Lamina owns the data directory', async () => {
    const owner = await createTestLamina({});
    try {
      const { modelsDir } = owner;
      const dataDir = join(modelsDir, '..', 'data');
      const plugins = [finding(tiny)];
      const attached = await createLamina({ modelsDir, dataDir, mode: 'attached', log: 'silent', plugins });
      const { models } = await attached.downloads.search('tiny').finally(() => attached.close());
      assert.deepEqual(models, [{ source: 'shelf', ...tiny }]);
    } finally {
      await owner.close();
    }
  });
});
