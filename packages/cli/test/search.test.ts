// lamina search: a table of what sources find, and the command that downloads the first.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Folder } from './support/command.js';
import { hasTerminals, Terminal } from './support/terminal.js';

/** Its source finds models by their text: `none`, or two, `slow` when the file `go on` exists; `fails` fails always. */
const config = `import { fakePlugin } from '${import.meta.resolve('@lamina/testing')}';
import { existsSync } from 'node:fs';
import { LaminaError } from '${import.meta.resolve('@lamina/core')}';
const source = (name, search) => ({
  name: name + '-source',
  setup: (lamina) => lamina.addSource({ name, resolve: async () => undefined, locate: async () => undefined, search }),
});
const shelf = async ({ text, limit }) => {
  while (text === 'slow' && !existsSync('go on')) await new Promise((resolve) => setTimeout(resolve, 20));
  return text === 'none' ? [] : [
  { reference: 'shelf:org/' + text.replaceAll(' ', '-'), downloads: 1234567, updatedAt: '2026-01-31T12:00:00.000Z', gated: false },
  { reference: 'shelf:org/gated', gated: true },
].slice(0, limit);
};
const fails = async () => { throw new LaminaError('SOURCE_UNREACHABLE', { message: 'The mirror is off.' }); };
export default { plugins: [fakePlugin(), source('shelf', shelf), source('fails', fails)] };
`;

describe('lamina search', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('config.mjs'), config);
  });
  afterEach(() => folder.remove());

  const search = async (...args: string[]) => {
    const { code, stdout, stderr } = await folder.here('search', ...args);
    assert.deepEqual([code, stderr], [0, ''], stdout);
    return stdout;
  };

  it('prints a table, what needs a token, which sources failed, and how to download', async () => {
    assert.equal(
      await search('tiny', 'chat'),
      `REFERENCE            DOWNLOADS  UPDATED     ACCESS
shelf:org/tiny-chat       1.2M  2026-01-31  open
shelf:org/gated              -  -           gated

A gated model requires a token of an account that has accepted its terms.
fails could not be searched: The mirror is off.
Download one with: lamina pull shelf:org/tiny-chat
`,
    );
  });

  it('searches one source, for as many results as wanted', async () => {
    const lines = (await search('tiny', '--source', 'shelf', '--limit', '1')).split('\n');
    assert.deepEqual(lines.slice(2), ['', 'Download one with: lamina pull shelf:org/tiny', '']);
    assert.equal(await search('none', '--source', 'shelf'), 'No models found for "none".\n');
  });

  it('prints the same JSON document through a server', async () => {
    const url = await folder.serve();
    const args = ['search', 'tiny', 'chat', '--source', 'shelf', '--limit', '2', '--json'];
    const here = JSON.parse((await folder.here(...args)).stdout) as { models: object[]; failed: object[] };
    assert.deepEqual([here.models.length, here.failed], [2, []]);
    const there = await folder.run(...args, '--server', url);
    assert.deepEqual(JSON.parse(there.stdout), here);
  });

  it('fits a terminal of 80 columns, with a long reference on a line of its own', async () => {
    const { code, stdout } = await folder.inTerminal(80, 'search', `${'long-'.repeat(15)}name`, '--source', 'shelf');
    assert.equal(code, 0);
    assert.match(stdout, /\nshelf:org\/(long-){15}name\n {9,}1\.2M {2}2026-01-31 {2}open\n/);
  });

  it('says on a terminal that it searches, and then only what it found', async function () {
    if (!hasTerminals) return this.skip();
    const args = ['search', 'slow', '--source', 'shelf', '--config', 'config.mjs'];
    const terminal = Terminal.start(args, { cwd: folder.path });
    await terminal.saw(/Searching for "slow"/);
    await writeFile(folder.file('go on'), '');
    await terminal.saw(/REFERENCE/);
    assert.equal(await terminal.ended, 0);
    assert.ok(terminal.raw.includes('\r\u001b[K\u001b[2mREFERENCE\u001b[22m'), JSON.stringify(terminal.raw));
  });

  it('says what is wrong', async () => {
    const fails = async (code: number, sentence: RegExp, ...args: string[]) => {
      const result = await folder.here('search', ...args);
      assert.deepEqual([result.code, result.stdout], [code, '']);
      assert.match(result.stderr, sentence);
    };
    await fails(1, /^lamina: The mirror is off\.\n$/, 'tiny', '--source', 'fails');
    await fails(
      1,
      /There is no source "shelv"\. Sources that can be searched: shelf, fails\./,
      'tiny',
      '--source',
      'shelv',
    );
    await fails(2, /Expected a whole number from 1 to 100/, 'tiny', '--limit', '0');
    await fails(2, /Missing required argument "words"/);
  });
});
