// Plugins that are found beside the command: their commands, `lamina plugins` and `lamina config`.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@lamina/cli';

const ownPackage = fileURLToPath(new URL('..', import.meta.resolve('@lamina/cli')));

/** The code of a plugin whose setup is given. */
const plugin = (name: string, setup: string) => `export default { name: '${name}', setup(lamina) { ${setup} } };`;
const greeting = `lamina.extend('command', {
  name: 'greet',
  arguments: [{ name: '<model>', description: 'Name of a model' }, { name: '[more...]', description: 'More' }],
  options: [{ flags: '--dry-run', description: 'Only say it' }, { flags: '--to <name>', description: 'To whom' }],
  run: ({ lamina, arguments: [model, more], options }) => {
    const json = { model, more, options, files: lamina.models.list().length };
    return { json, text: 'Hello from ' + model, code: 3 };
  },
});`;

describe('lamina with plugins', () => {
  let root: string;
  const file = (...names: string[]) => join(root, ...names);
  const write = async (path: string, content: string | object) => {
    await mkdir(dirname(file(path)), { recursive: true });
    await writeFile(file(path), typeof content === 'string' ? content : JSON.stringify(content));
  };
  const install = async (name: string, code: string, commands: object = {}) => {
    const lamina = { plugin: './main.js', commands };
    const json = { name, version: '1.2.3', type: 'module', keywords: ['lamina-plugin'], lamina };
    await write(`node_modules/${name}/package.json`, json);
    await write(`node_modules/${name}/main.js`, code);
    installed.push(name);
    await write('package.json', { dependencies: Object.fromEntries(installed.map((one) => [one, '*'])) });
  };
  let installed: string[];

  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'lamina-plugins-')));
    installed = ['@lamina/cli'];
    await write('package.json', { dependencies: { '@lamina/cli': '*' } });
    await mkdir(file('node_modules/@lamina'), { recursive: true });
    await symlink(ownPackage, file('node_modules/@lamina/cli'));
    await write('models/models.yaml', 'models: {}');
  });
  afterEach(() => rm(root, { recursive: true }));

  const runWith = async (env: Readonly<Record<string, string>>, ...args: string[]) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const output = Promise.all([text(stdout), text(stderr)]);
    const path = file('node_modules/@lamina/cli/bin/lamina.js');
    const code = await runCommand(args, { env, stdout, stderr, signal: new AbortController().signal, path });
    stdout.end();
    stderr.end();
    const [out, error] = await output;
    return { code, stdout: out, stderr: error };
  };
  const run = (...args: string[]) => runWith({ LAMINA_MODELS_DIR: file('models') }, ...args);

  it('shows the commands that their package.json files name, without loading them', async () => {
    const loaded = `import { writeFileSync } from 'node:fs'; writeFileSync(new URL('loaded', import.meta.url), '');`;
    await install('greeter', loaded + plugin('greeter', greeting), {
      greet: 'Greet a model',
      list: 'Mine',
      'no name': '',
    });
    const { code, stdout } = await run('--help');
    assert.equal(code, 0);
    assert.match(stdout, /\nPlugins:\n {2}greet +Greet a model\n/);
    assert.match(stdout, /The command "list" of greeter is left out: lamina has one of that name\.\n/);
    assert.doesNotMatch(stdout, /no name/);
    assert.match((await run('list')).stdout, /No models found/);
    assert.equal(existsSync(file('node_modules/greeter/loaded')), true);
    await rm(file('node_modules/greeter/loaded'));
    await run('--help');
    assert.equal(existsSync(file('node_modules/greeter/loaded')), false);
  });

  it('shows and runs those of a package that a flag or LAMINA_PLUGIN adds', async () => {
    await install('greeter', plugin('greeter', greeting), { greet: 'Greet a model' });
    await write('package.json', { dependencies: { '@lamina/cli': '*' } });
    assert.doesNotMatch((await run('--help')).stdout, /greet/);
    assert.match((await run('--help', '--plugin=greeter')).stdout, /\n {2}greet +Greet a model\n/);
    assert.equal((await run('--plugin', 'greeter', 'greet', 'tiny')).stdout, 'Hello from tiny\n');
    const env = { LAMINA_PLUGIN: 'greeter', LAMINA_MODELS_DIR: file('models') };
    assert.equal((await runWith(env, 'greet', 'tiny')).stdout, 'Hello from tiny\n');
  });

  it('runs them with their arguments and options, on the models of this machine', async () => {
    await install('greeter', plugin('greeter', greeting), { greet: 'Greet a model' });
    assert.deepEqual(await run('greet', 'tiny'), { code: 3, stdout: 'Hello from tiny\n', stderr: '' });
    const { stdout } = await run('greet', '--to', 'me', 'tiny', 'a', 'b', '--dry-run', '--json');
    const options = { to: 'me', dryRun: true };
    assert.deepEqual(JSON.parse(stdout), { model: 'tiny', more: ['a', 'b'], options, files: 0 });
    const help = await run('greet', '--help');
    assert.equal(help.code, 0);
    assert.match(
      help.stdout,
      /^Usage: lamina greet \[options\] <model> \[more\.\.\.\]\n\nGreet a model\n[^]*--to <name> +To whom/,
    );
    const wrong = await run('greet');
    assert.deepEqual([wrong.code, wrong.stderr], [2, 'lamina: Missing required argument "model".\n']);
    const remote = await run('greet', 'tiny', '--server', 'http://127.0.0.1:9');
    assert.equal(remote.code, 2);
    assert.match(remote.stderr, /"lamina greet" works on this machine only/);
  });

  it('opens the data directory as its owner for those that ask for it', async () => {
    const command = (name: string, mode: string) =>
      `lamina.extend('command', { name: '${name}', ${mode} run: async ({ lamina, signal }) => {
        await lamina.downloads.start({ reference: './missing', source: 'local' }, { signal });
      } });`;
    await install('owner', plugin('owner', command('own', "mode: 'owner',")), { own: 'Own it' });
    await install('guest', plugin('guest', command('visit', '')), { visit: 'Visit it' });
    assert.match((await run('own')).stderr, /missing/);
    assert.ok(existsSync(file('models/.lamina')));
    assert.match((await run('visit')).stderr, /attached/);
  });

  it('says which plugin is to blame', async () => {
    const throws = `lamina.extend('command', { name: 'fail', run() { throw new Error('the shelf is empty'); } });`;
    await install('a', plugin('first', greeting + throws), { greet: 'One', fail: 'Fails', absent: 'Is not there' });
    await install('b', plugin('second', greeting), { greet: 'Two' });
    await install('broken', "throw new Error('no licence');", { mend: 'Mend' });
    assert.match((await run('--help')).stdout, /\n {2}greet +Several plugins have it: a, b\n/);
    const blame = async (args: string[], sentence: RegExp) => {
      const { code, stderr } = await run(...args);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    };
    const notice = 'The plugin broken was found but is not loaded: no licence\\.\n';
    await blame(
      ['greet', 'x'],
      new RegExp(`^${notice}lamina: The plugins "first" and "second" both have a command "greet"`),
    );
    await blame(['fail'], /lamina: Plugin "first" failed in the command "fail": the shelf is empty\.\n$/);
    await blame(['absent'], /lamina: Plugin "first" is invalid: its package\.json names the command "absent", but/);
    await blame(['mend'], /lamina: The command "mend" is part of broken, which is not loaded: no licence\.\n$/);
    await write('lamina.config.yaml', 'plugins: [{ use: b }]');
    await blame(
      ['fail'],
      /^lamina: The command "fail" is part of a, which "plugins" of the configuration does not list\.\n$/,
    );
    assert.equal((await run('greet', 'x')).code, 3);
  });

  it('lists what was found, what is loaded, and what each contributes', async () => {
    const source = `lamina.addSource({ name: 'shelf', resolve: async () => {}, locate: async () => {} });`;
    const rest = `lamina.hooks.beforeRequest.tap(() => {}); lamina.extend('menu', 1); lamina.extend('http', {});`;
    await install('all', plugin('all', greeting + source + rest), { greet: 'Greet' });
    await install('broken', "throw new Error('no licence');");
    const { code, stdout, stderr } = await run('plugins');
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      `NAME    VERSION  FROM   CONTRIBUTES
all     1.2.3    found  source shelf, hook beforeRequest, command greet, 2 extensions
  The extension "menu" has no effect: neither lamina nor lamina-server reads it.
  The extension "http" has no effect: @lamina/server-koa, which reads it, is not installed.
broken  1.2.3    found  not loaded
  It is not loaded: no licence.

Plugins are found in the dependencies in ${file('package.json')}.
`,
    );
    const view = JSON.parse((await run('plugins', '--json')).stdout) as { plugins: Record<string, unknown>[] };
    assert.deepEqual(view.plugins[0]!['extensions'], [
      { point: 'command', read: true },
      { point: 'menu', read: false },
      { point: 'http', read: false },
    ]);
    assert.deepEqual([view.plugins[1]!['loaded'], view.plugins[1]!['problem']], [false, 'no licence']);
  });

  it('says what to install when there are none', async () => {
    assert.match((await run('plugins')).stdout, /^No plugins in .* Install one, such as: npm install @lamina\//);
    assert.match(
      (await run('backends')).stdout,
      /^No plugin for an engine is loaded\. Install one, such as: npm install/,
    );
  });

  it('shows each setting and where it came from, without secrets', async () => {
    await write(
      'lamina.config.yaml',
      'modelsDir: other\nlog: warn\nserver: { apiKeys: [{ key: my-secret }] }\noptions: { shelf: { token: my-secret, max_tokens: 2 } }',
    );
    await install('shelf', plugin('shelf', ''));
    const args = ['config', '--models-dir', 'here'];
    const { code, stdout, stderr } = await runWith({ LAMINA_PORT: '80' }, ...args);
    assert.deepEqual([code, stderr], [0, '']);
    assert.ok(stdout.startsWith(`Configuration file: ${file('lamina.config.yaml')}\n`), stdout);
    for (const line of [
      /^modelsDir +here +--models-dir$/m,
      /^log +warn +file$/m,
      /^server\.port +80 +LAMINA_PORT$/m,
      /^server\.host +127\.0\.0\.1 +default$/m,
      /^server\.apiKeys +\*\*\* +file$/m,
      /^options +\{"shelf":\{"token":"\*\*\*","max_tokens":2\}\} +file$/m,
    ])
      assert.match(stdout, line);
    const json = await runWith({ LAMINA_PORT: '80' }, ...args, '--json');
    const { settings } = JSON.parse(json.stdout) as { settings: Record<string, unknown> };
    assert.deepEqual(settings['server.port'], { value: 80, origin: 'environment', name: 'LAMINA_PORT' });
    assert.deepEqual(settings['server.apiKeys'], { value: '***', origin: 'file' });
    assert.ok(![stdout, json.stdout].some((output) => output.includes('my-secret')));
  });
});
