import assert from 'node:assert/strict';
import type { Json, Source } from '@lamina/core/plugin';
import { hfSource } from '../dist/index.js';
import { commit, HubServer } from './hub-server.js';
import { contextFor, sourceOf } from './source-kit.js';

describe('a reference to the Hub', () => {
  let hub: HubServer;
  let source: Source;

  before(async () => {
    const files = {
      'm-Q4_K_M.gguf': 'four',
      'm-Q8_0.gguf': 'eight',
      'big/m-BF16-00001-of-00002.gguf': 'a',
      'big/m-BF16-00002-of-00002.gguf': 'b',
      'odd name+#?.gguf': 'odd',
      'README.md': { content: 'read', small: true },
    };
    hub = await HubServer.open({ 'org/name': { files }, 'org/x.y_z-1': { files }, gpt2: { files } });
    source = await sourceOf(hfSource({ endpoint: hub.url, token: 'hf_test' }));
  });
  after(() => hub.close());

  async function weightsOf(reference: Json): Promise<string | undefined> {
    return (await source.resolve(reference, contextFor()))?.model.path;
  }

  const known: [string, Json, string][] = [
    ['a repository and a file', { repo_id: 'org/name', filename: 'm-Q8_0.gguf' }, 'm-Q8_0.gguf'],
    ['a repository alone', { repo_id: 'org/name' }, 'm-Q4_K_M.gguf'],
    ['a revision', { repo_id: 'org/name', filename: 'm-Q8_0.gguf', revision: 'refs/pr/1' }, 'm-Q8_0.gguf'],
    ['the name', 'org/name', 'm-Q4_K_M.gguf'],
    ['the name and a quantisation, in any case of letters', 'org/name:q8_0', 'm-Q8_0.gguf'],
    ['dots, dashes and underscores', 'org/x.y_z-1:Q8_0', 'm-Q8_0.gguf'],
    ['hf: before the name', 'hf:org/name:Q8_0', 'm-Q8_0.gguf'],
    ['hf:// before the name', 'hf://org/name', 'm-Q4_K_M.gguf'],
    ['a model without an organisation', 'hf:gpt2', 'm-Q4_K_M.gguf'],
    ['hf.co before the name', 'hf.co/org/name:Q8_0', 'm-Q8_0.gguf'],
    ['the page of a repository', 'https://huggingface.co/org/name', 'm-Q4_K_M.gguf'],
    ['the page of a file', 'https://huggingface.co/org/name/blob/main/m-Q8_0.gguf', 'm-Q8_0.gguf'],
    ['the link to a file', 'https://hf.co/org/name/resolve/v1/m-Q8_0.gguf?download=true', 'm-Q8_0.gguf'],
    [
      'the link to a file with an odd name',
      'https://huggingface.co/org/name/blob/main/odd%20name%2B%23%3F.gguf',
      'odd name+#?.gguf',
    ],
    ['the page of a directory', 'https://huggingface.co/org/name/tree/main/big', 'm-BF16-00001-of-00002.gguf'],
    ['the page of a pull request', 'https://huggingface.co/org/name/tree/refs%2Fpr%2F1', 'm-Q4_K_M.gguf'],
  ];
  for (const [what, reference, weights] of known)
    it(`may be ${what}`, async () => assert.equal(await weightsOf(reference), weights));

  it('may be a link to the configured mirror', async () =>
    assert.equal(await weightsOf(`${hub.url}/org/name/blob/main/m-Q8_0.gguf`), 'm-Q8_0.gguf'));

  const foreign: Json[] = [
    'llama3.2',
    'llama3.2:3b',
    './models/a.gguf',
    '/models/a.gguf',
    '~/a.gguf',
    'a/b/c',
    'registry.example:5000/a/b',
    'https://example.com/org/name',
    'a b/c',
    '-x/y',
    '',
    { model: 'llama3.2' },
    ['org/name'],
    7,
    true,
  ];
  it('is not every string with a slash, and other strings cause no request', async () => {
    const before = hub.seen.length;
    for (const reference of foreign)
      assert.equal(await source.resolve(reference, contextFor()), undefined, JSON.stringify(reference));
    assert.equal(hub.seen.length, before);
  });

  const wrong: [Json, RegExp][] = [
    [{ repo_id: 7 }, /`repo_id` must be a string/],
    [{ repo_id: 'org/name', filename: '' }, /`filename` must be a string/],
    [{ repo_id: 'a/b/c' }, /"a\/b\/c" is not the name of a repository/],
    [{ repo_id: '../x' }, /is not the name of a repository/],
    [{ repo_id: 'org/name', filename: '../x.gguf' }, /"\.\.\/x\.gguf" is not a path in a repository/],
    [{ repo_id: 'org/name', filename: '/etc/x.gguf' }, /is not a path in a repository/],
    ['https://huggingface.co/org/name/blob/main/..%2f..%2fx.gguf', /is not a path in a repository/],
    ['https://huggingface.co/org/name/tree/main/..%2fx', /is not a path in a repository/],
    ['hf:org/..', /names no repository/],
    ['https://huggingface.co/datasets/org/name', /is not a model but belongs to the datasets of the Hub/],
    ['https://huggingface.co/org/name/blob/main/%E0%A4%A', /is not a valid URL/],
  ];
  for (const [reference, message] of wrong)
    it(`is rejected with a message: ${JSON.stringify(reference)}`, () =>
      assert.rejects(source.resolve(reference, contextFor()), { code: 'REQUEST_INVALID', message }));

  it('is pinned to a commit before any other request', async () => {
    hub.seen.length = 0;
    const plan = await source.resolve({ repo_id: 'org/name', revision: 'refs/pr/1' }, contextFor());
    assert.equal(plan?.revision, commit);
    assert.deepEqual(
      hub.seen.map(({ url }) => url.split('?')[0]),
      ['/api/models/org/name/revision/refs%2Fpr%2F1', `/api/models/org/name/tree/${commit}`],
    );
    assert.deepEqual(
      plan.files.map(({ from }) => from),
      [{ key: `org/name/resolve/${commit}/m-Q4_K_M.gguf` }],
    );
  });
});
