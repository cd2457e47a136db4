// lamina ps: what a server runs, who waits and why, in a terminal and as JSON.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { PsView } from '@lamina/core/protocol';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

const manifest = `models:
  big: { path: tiny.fake, backend: fake, options: { memory_bytes: 70000000, chunks: 1000000, chunk_ms: 1 } }
  small: { path: tiny.fake, backend: fake, options: { memory_bytes: 60000000 }, limits: { idle_timeout: 0 } }
  other: { path: tiny.fake, backend: fake, options: { memory_bytes: 10000000 } }
  broken: { path: tiny.fake, backend: fake, options: { memory_bytes: 1000000, exit_code: 3 } }
  lost: { path: lost.fake, backend: fake }
groups:
  pair: { models: [small, other] }
`;

describe('lamina ps', function () {
  this.timeout(60_000);
  let folder: Folder;
  let url: string;
  beforeEach(async () => {
    folder = await Folder.make();
    await writeFile(folder.file('models/models.yaml'), manifest);
    url = await folder.serve('--memory', '100MB');
  });
  afterEach(() => folder.remove());

  const ask = (model: string, more: object = {}, init: RequestInit = {}) =>
    fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hi' }], ...more }),
      ...init,
    });
  const view = async () => (await (await fetch(`${url}/ps`)).json()) as PsView;
  const print = async (columns = 80) => {
    const { code, stdout, stderr } = await folder.inTerminal(columns, 'ps', '--server', url);
    assert.deepEqual([code, stderr], [0, '']);
    return stdout;
  };

  it('says that no model is in use, and what there is', async () => {
    const lines = (await print()).split('\n');
    assert.equal(lines[0], 'No model is in use. Load one with: lamina start <model>');
    assert.match(lines[2]!, /^ {2}memory {6}0 bytes of 100\.0 MB reserved, \d+\.\d [MG]B free$/);
    assert.match(lines[3]!, /^ {2}group pair {2}0 of 1$/);
  });

  it('fits 80 columns: who runs, who waits and why, who failed, and what they hold', async () => {
    await (await ask('broken')).text();
    const leave = new AbortController();
    const answer = await ask('big', { stream: true }, { signal: leave.signal });
    await answer.body!.getReader().read();
    const waiting = ask('small');
    while ((await view()).models['small']?.wait_reason === undefined);
    const text = await print();
    assert.deepEqual(
      text.split('\n').filter((line) => line.length > 80 && !line.startsWith('Model "broken"')),
      [],
      text,
    );
    const rows = text.split('\n').map((line) => line.split(/ {2,}/));
    assert.deepEqual(rows[0], ['MODEL', 'STATE', 'BACKEND', 'MEMORY', 'REQUESTS', 'UNTIL']);
    assert.deepEqual(rows[1], ['big', 'ready', 'fake', '70.0 MB', '1', 'in use']);
    assert.match(text, /\nbroken {2}failed {2}fake {11}- {2}0 {13}(?:retry in \d+ s|next request)\n/);
    assert.match(text, /\nsmall {3}queued {2}fake {11}- {2}0, 1 waiting {2}-\n/);
    assert.match(text, /\n {2}memory {6}70\.0 MB of 100\.0 MB reserved, 30\.0 MB free\n/);
    assert.match(text, /\nsmall: 1 request waits: it needs 30 MB more memory, and "big" is busy\n/);
    assert.match(text, /\nModel "broken" failed to start: .*\n/);
    leave.abort();
    await (await waiting).text();
    assert.match(await print(), /\nsmall {3}ready {3}fake {5}60\.0 MB {2}0 {9}stopped\n/);
  });

  it('says of a model that cannot start, without a delay, that the next request tries again', async () => {
    await (await ask('lost')).text();
    assert.match(await print(), /\nlost {3}failed {2}.* 0 {9}next request\n/);
  });

  it('prints the document of the server as JSON', async () => {
    await (await ask('other')).text();
    const { stdout } = await folder.run('ps', '--server', url, '--json');
    const { models, resources } = JSON.parse(stdout) as PsView;
    const expected = await view();
    assert.deepEqual(Object.keys(models), Object.keys(expected.models));
    assert.equal(models['other']?.pid, expected.models['other']?.pid);
    assert.deepEqual(models['other']?.memory?.reserved, { host: 10_000_000, 'group:pair': 1 });
    assert.deepEqual(resources['group:pair'], { budget: 1, reserved: 1, free: 0 });
  });

  it('prints each change with --watch, until it is interrupted', async () => {
    const watching = folder.start(process.execPath, [lamina, 'ps', '--watch', '--json', '--server', url]);
    await watching.saw(/"models":/);
    await (await ask('other')).text();
    await watching.saw(/"other":\{"state":"ready"/);
    watching.child.kill('SIGINT');
    const { code, stdout } = await watching.ended;
    assert.equal(code, 130);
    for (const line of stdout.trimEnd().split('\n')) assert.ok('resources' in (JSON.parse(line) as PsView));
  });

  it('shows changes in place on a terminal with --watch, and restores the screen', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = Terminal.start(['ps', '--watch', '--server', url], { cwd: folder.path });
    await terminal.saw(/Ctrl-C to leave/);
    await (await ask('other')).text();
    await terminal.saw(/other +ready +fake/);
    terminal.type(keys.ctrlC);
    assert.equal(await terminal.ended, 130);
    const [enter, leave] = ['\u001b[?1049h', '\u001b[?1049l'];
    assert.deepEqual([terminal.raw.includes(enter), terminal.raw.trimEnd().endsWith(leave)], [true, true]);
  });

  it('says that it needs a server', async () => {
    const { code, stdout, stderr } = await folder.here('ps', '--data-dir', folder.file('unused'));
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal(
      stderr,
      'lamina: No server runs. Start one with "lamina serve", or name one of another machine with --server <url>.\n',
    );
  });
});
