// What commands print on a terminal.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { Folder } from './support/command.js';
import { hasTerminals, Terminal } from './support/terminal.js';

describe('lamina on a terminal', () => {
  let folder: Folder;
  beforeEach(async function () {
    if (!hasTerminals) return this.skip();
    folder = await Folder.make();
  });
  afterEach(() => folder?.remove());

  const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}, columns = 80) => {
    const options = { cwd: folder.path, env: { ...process.env, ...env }, columns };
    const terminal = Terminal.start([...args, '--config', 'config.mjs'], options);
    const code = await terminal.ended;
    return { code, raw: terminal.raw, text: terminal.screen };
  };

  it('colours headings, and nothing with NO_COLOR', async () => {
    assert.ok((await run(['list'])).raw.includes('\u001b[2mNAME\u001b[22m'));
    assert.ok(!(await run(['list'], { NO_COLOR: '1' })).raw.includes('\u001b[2m'));
  });

  it('colours states', async () => {
    const { raw } = await run(['list']);
    assert.ok(raw.includes('\u001b[32mavailable\u001b[39m') && raw.includes('\u001b[31mmissing\u001b[39m'), raw);
  });

  const commands = ['list', 'list --available', 'backends', 'plugins', 'config', 'validate', 'downloads', 'stats'];
  for (const command of [...commands, 'info tiny', 'suggest --use-case coding --category x'])
    it(`fits "lamina ${command}" into 80 and 120 columns`, async () => {
      const printed = [
        (await run(command.split(' '))).text,
        (await folder.inTerminal(120, ...command.split(' '))).stdout,
      ];
      for (const [text, columns] of [
        [printed[0]!, 80],
        [printed[1]!, 120],
      ] as const) {
        const longest = Math.max(...text.split('\n').map((line) => line.length));
        assert.ok(longest <= columns, `${longest} of ${columns} columns\n${text}`);
      }
    });

  it('says what "lamina install", "lamina rm" and "lamina import" did', async () => {
    const installed = await run(['install', 'other', 'models/tiny.fake']);
    assert.deepEqual([installed.code, installed.text.split('\n')[0]], [0, 'other'], installed.text);
    const removed = await run(['rm', 'other']);
    assert.equal(removed.code, 0);
    assert.match(removed.text, /^Removed other from the manifest\.\n/);
    await writeFile(folder.file('swap.yaml'), 'models:\n  swapped: { cmd: "my-engine --port ${PORT}" }\n');
    const imported = await run(['import', 'llama-swap', 'swap.yaml']);
    assert.equal(imported.code, 0);
    assert.match(imported.text, /swapped/);
    assert.match((await run(['list'])).text, /swapped/);
  });

  it('breaks sentences between words, but not within quotes', async () => {
    const { text } = await run(['ps'], {}, 40);
    assert.equal(
      text,
      'lamina: No server runs. Start one with\n"lamina serve", or name one of another\nmachine with --server <url>.\n',
    );
  });
});
