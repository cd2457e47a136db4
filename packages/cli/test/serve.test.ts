// lamina serve, on a terminal and elsewhere.
import assert from 'node:assert/strict';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

describe('lamina serve', () => {
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
  });
  afterEach(() => folder.remove());

  const args = ['serve', '--config', 'config.mjs', '--port', '0'];

  it('prints its URL in one line, serves, and ends with 0 on SIGTERM', async () => {
    const { child, ended, saw } = folder.start(process.execPath, [lamina, ...args]);
    await saw(/^Lamina listens on http:\S+\n$/);
    const { models } = JSON.parse((await folder.here('list', '--json')).stdout) as { models: object };
    assert.deepEqual(Object.keys(models).sort(), ['far', 'tiny']);
    child.kill('SIGTERM');
    const { code, stdout } = await ended;
    assert.equal(code, 0);
    assert.equal(stdout.split('\n').length, 2);
  });

  it('fails in one sentence when the port is in use', async () => {
    const url = await folder.serve();
    const other = await folder.run(...args.slice(0, 1), '--port', new URL(url).port, '--models-dir', folder.file('m'));
    assert.equal(other.code, 1);
    assert.match(other.stderr, /^lamina: Cannot listen on 127\.0\.0\.1, port \d+: the port is in use\. .*\n$/m);
  });

  it('is not sent to a server', async () => {
    const { code, stderr } = await folder.run('serve', '--server', 'http://127.0.0.1:9');
    assert.equal(code, 2);
    assert.match(stderr, /"lamina serve" works on this machine only/);
  });

  it('shows on a terminal what it serves, and stops in an orderly way on Ctrl-C', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = Terminal.start(args, { cwd: folder.path });
    await terminal.saw(/Lamina \S+ {2}ready in \d+ ms\n/);
    await terminal.saw(/➜ {2}OpenAI API {2}http:\/\/127\.0\.0\.1:\d+\/v1\n/);
    await terminal.saw(/➜ {2}Models {6}1 of 2 on disk in \S+\n/);
    await terminal.saw(/➜ {2}Engines {5}fake \S+\n\n {2}Press Ctrl-C to stop/);
    terminal.type(keys.ctrlC);
    await terminal.saw(/Stopping\. Press Ctrl-C again to stop at once\./);
    assert.equal(await terminal.ended, 0);
  });

  it('stops at once on a second Ctrl-C, also its engines', async function () {
    if (!hasTerminals) return this.skip();
    const terminal = Terminal.start(args, { cwd: folder.path });
    const [, url] = await terminal.saw(/(http:\S+)\/v1/);
    const body = { model: 'tiny', messages: [{ role: 'user', content: '/count' }], stream: true };
    const answer = fetch(`${url!}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
    const response = await answer;
    const text = response.text().catch(() => 'cut');
    terminal.type(keys.ctrlC);
    await terminal.saw(/1 request still running/);
    terminal.type(keys.ctrlC);
    assert.equal(await terminal.ended, 0);
    await text;
  });
});
