// lamina start, stop, logs and events, at a running server.
import assert from 'node:assert/strict';
import { createServer } from '@lamina/server-koa';
import { createTestLamina, fakePlugin } from '@lamina/testing';
import { Folder, lamina } from './support/command.js';
import { hasTerminals, keys, Terminal } from './support/terminal.js';

describe('commands about running models', () => {
  let folder: Folder;
  beforeEach(async () => {
    folder = await Folder.make();
    await folder.serve();
  });
  afterEach(() => folder.remove());

  const stateOf = async () =>
    (JSON.parse((await folder.here('info', 'tiny', '--json')).stdout) as { state: string }).state;
  const follow = (...args: readonly string[]) =>
    folder.start(process.execPath, [lamina, ...args, '--config', 'config.mjs']);
  const onTerminal = (...args: readonly string[]) =>
    Terminal.start([...args, '--config', 'config.mjs'], { cwd: folder.path });

  it('start loads models and stop unloads them', async () => {
    const started = await folder.here('start', 'tiny');
    assert.match(started.stdout, /^Started tiny on fake in \d+\.\d s\.\n$/);
    assert.equal((await folder.here('start', 'small')).stdout, 'tiny already runs on fake.\n');
    assert.equal(await stateOf(), 'ready');
    assert.equal((await folder.here('stop', 'small')).stdout, 'Stopped tiny.\n');
    assert.equal(await stateOf(), 'stopped');
    assert.equal((await folder.here('stop', 'tiny')).stdout, 'tiny does not run.\n');
  });

  it('start and stop go on with the next model when one fails', async () => {
    const started = await folder.here('start', 'unknown', 'tiny');
    assert.equal(started.code, 1);
    assert.match(started.stderr, /^lamina: Model "unknown" was not found\./);
    assert.match(started.stdout, /^Started tiny on fake in /);
    const stopped = await folder.here('stop', 'tiny', 'unknown');
    assert.deepEqual([stopped.code, stopped.stdout], [1, 'Stopped tiny.\n']);
  });

  it('start fails with the reason, and with one JSON document per model', async () => {
    const { code, stderr } = await folder.here('start', 'far');
    assert.equal(code, 1);
    assert.match(stderr, /^lamina: .*far.*\n$/);
    const started = await folder.here('start', 'tiny', '--json');
    const { model, state } = JSON.parse(started.stdout) as { model: string; state: string };
    assert.deepEqual([model, state], ['tiny', 'ready']);
  });

  it('logs shows what an engine printed, the last lines, and new ones until it is interrupted', async () => {
    await folder.here('start', 'tiny');
    const all = (await folder.here('logs', 'tiny')).stdout.trimEnd().split('\n');
    assert.ok(all.length > 1);
    assert.deepEqual((await folder.here('logs', 'tiny', '-n', '1')).stdout.trimEnd().split('\n'), all.slice(-1));
    const following = follow('logs', 'tiny', '--follow', '--json');
    await following.saw(/"number":1,/);
    await folder.here('stop', 'tiny');
    await folder.here('start', 'tiny');
    await following.saw(new RegExp(`"number":${all.length + 1},`));
    following.child.kill('SIGINT');
    assert.equal((await following.ended).code, 130);
  });

  it('logs says when there is nothing', async () => {
    const { code, stdout, stderr } = await folder.here('logs', 'tiny');
    assert.deepEqual([code, stdout, stderr], [0, '', 'The engine of tiny has printed nothing.\n']);
  });

  it('logs goes on when the server was started again', async () => {
    const serve = async (port: number) => {
      const files = { 'models.yaml': 'models: { tiny: { path: tiny.fake, backend: fake } }', 'tiny.fake': 'x' };
      const running = await createTestLamina({ plugins: [fakePlugin()], files });
      const server = createServer(running, { port });
      const url = await server.listen();
      await (await fetch(`${url}/models/tiny/start`, { method: 'POST' })).text();
      return { url, close: () => server.close({ signal: AbortSignal.abort() }).finally(() => running.close()) };
    };
    const first = await serve(0);
    const { url } = first;
    const following = folder.start(process.execPath, [lamina, 'logs', 'tiny', '-f', '--json', '--server', url]);
    await following.saw(/"number":2,/);
    await first.close();
    const second = await serve(Number(new URL(url).port));
    await following.saw(/"number":2,(.|\n)*"number":1,(.|\n)*"number":2,/);
    following.child.kill('SIGINT');
    const { code, stderr } = await following.ended;
    assert.deepEqual([code, stderr], [130, 'The connection was lost. Connecting again.\n']);
    await second.close();
  });

  it('events ends without a word when its reader has gone', async () => {
    const head = folder.start('sh', ['-c', `"$0" "$1" events --config config.mjs | head -1`, process.execPath, lamina]);
    let isOver = false;
    void head.ended.then(() => (isOver = true));
    while (!isOver) {
      await folder.here('start', 'tiny');
      await folder.here('stop', 'tiny');
    }
    const { stdout, stderr } = await head.ended;
    assert.match(stdout, /^\d\d:\d\d:\d\d {2}\w+\.\w+ .*\n$/);
    assert.equal(stderr, '');
  });

  it('logs refuses a number of lines that is none', async () => {
    const { code, stderr } = await folder.here('logs', 'tiny', '-n', 'many');
    assert.equal(code, 2);
    assert.match(stderr, /Expected a number of lines\./);
  });

  it('events shows those that were asked for, one line each', async () => {
    const following = follow('events', '--types', 'model.ready,model.stopped', '--json');
    const ready = following.saw(/"type":"model\.ready"/);
    let isSeen = false;
    void ready.then(() => (isSeen = true));
    // Events are sent from the time of the subscription, which nothing tells.
    while (!isSeen) {
      await folder.here('start', 'tiny');
      await folder.here('stop', 'tiny');
    }
    following.child.kill('SIGINT');
    const { code, stdout } = await following.ended;
    assert.equal(code, 130);
    for (const line of stdout.trimEnd().split('\n'))
      assert.match((JSON.parse(line) as { type: string }).type, /^model\.(ready|stopped)$/);
  });

  it('need a server', async () => {
    for (const args of [['start', 'tiny'], ['stop', 'tiny'], ['logs', 'tiny'], ['events']]) {
      const { code, stderr } = await folder.here(...args, '--data-dir', folder.file('unused'));
      assert.deepEqual([code, stderr.split('. ')[0]], [1, 'lamina: No server runs']);
    }
  });

  it('show on a terminal what they do', async function () {
    if (!hasTerminals) return this.skip();
    const started = onTerminal('start', 'tiny');
    await started.saw(/Using the server at http:\S+\n/);
    await started.saw(/Started tiny on fake in \d+\.\d s\.\n/);
    assert.equal(await started.ended, 0);
    const events = onTerminal('events');
    const stopped = events.saw(/\d\d:\d\d:\d\d {2}model\.stopped {5}tiny, reason \w+/);
    let isSeen = false;
    void stopped.then(() => (isSeen = true));
    while (!isSeen) {
      await folder.here('start', 'tiny');
      await folder.here('stop', 'tiny');
    }
    events.type(keys.ctrlC);
    assert.equal(await events.ended, 130);
    const logs = onTerminal('logs', 'tiny', '-f');
    await logs.saw(/Starting/);
    logs.type(keys.ctrlC);
    assert.equal(await logs.ended, 130);
  });
});
