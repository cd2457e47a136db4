// lamina ps --watch: the screen of a terminal, documents, and what it leaves behind.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { PsView } from '@lamina/core/protocol';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

const longName = `org/${'long-'.repeat(8)}name`;
const manifest = `models:
  tiny: { path: tiny.fake, backend: fake }
  ${longName}: { path: tiny.fake, backend: fake }
`;
const shown = '\u001b[?1049h\u001b[?25l';
const restored = '\u001b[?25h\u001b[?1049l';

describe('lamina ps --watch', function () {
  this.timeout(60_000);
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('models/models.yaml'), manifest);
    await folder.serve();
  });
  afterEach(() => folder.remove());

  const watch = async (env: NodeJS.ProcessEnv = {}, columns = 80) => {
    const options = { cwd: folder.path, env: { ...process.env, ...env }, columns };
    const terminal = Terminal.start(['ps', '--watch', '--config', 'config.mjs'], options);
    await terminal.saw(/No model is in use\./);
    assert.ok(terminal.raw.includes(shown));
    return terminal;
  };

  it('shows what changes and the totals, and restores the terminal on Ctrl-C', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = await watch();
    await folder.here('start', 'tiny');
    await terminal.saw(/1 ready, 0 requests {2}\d\d:\d\d:\d\d, Ctrl-C to leave\s+MODEL.*\s+tiny +ready +fake/);
    assert.ok(terminal.raw.includes('\u001b[32mready\u001b[39m'));
    terminal.type(keys.ctrlC);
    assert.equal(await terminal.ended, 130);
    assert.ok(terminal.raw.trimEnd().endsWith(restored));
  });

  it('draws itself again when the terminal has another size', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = await watch({}, 120);
    await folder.here('start', longName);
    await terminal.saw(new RegExp(`${longName} {2}ready`));
    terminal.resize(60);
    await terminal.saw(new RegExp(`${longName}\\n +ready`));
    terminal.type(keys.ctrlC);
    assert.equal(await terminal.ended, 130);
  });

  it('restores the terminal when it is ended or crashes', async function () {
    if (!hasTerminals) return this.skip();
    const crash = "data:text/javascript,process.on('SIGUSR2',()=>{throw(new(Error)('crash'))})";
    for (const [signal, code] of [
      ['SIGTERM', 143],
      ['SIGUSR2', 1],
    ] as const) {
      const terminal = await watch({ NODE_OPTIONS: `--import "${crash}"` });
      process.kill(terminal.pid, signal);
      assert.equal(await terminal.ended, code, terminal.text);
      assert.ok(terminal.raw.includes(restored));
    }
  });

  it('prints one table where there is no terminal', async () => {
    await folder.here('start', 'tiny');
    const { code, stdout } = await folder.here('ps', '--watch');
    assert.equal(code, 0);
    assert.match(stdout, /^MODEL +STATE .*\ntiny +ready .*\n/);
    assert.ok(!stdout.includes('\u001b'));
  });

  it('prints a document for each change with --json', async () => {
    const watching = folder.start(process.execPath, [lamina, 'ps', '--watch', '--json', '--config', 'config.mjs']);
    await watching.saw(/"models":\{\}/);
    await folder.here('start', 'tiny');
    await watching.saw(/"tiny":\{"state":"ready"/);
    watching.child.kill('SIGINT');
    const { code, stdout } = await watching.ended;
    assert.equal(code, 130);
    const views = stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as PsView).models);
    assert.equal(new Set(views.map((models) => JSON.stringify(models))).size, views.length);
  });
});
