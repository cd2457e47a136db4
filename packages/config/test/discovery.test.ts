// Plugins are found among the packages of the project that a command belongs to.
import assert from 'node:assert/strict';
import { Disk, pluginCode } from './support.js';

describe('plugins are found', () => {
  let disk: Disk;
  beforeEach(async () => (disk = await Disk.make()));
  afterEach(() => disk.remove());

  it('among the dependencies of the project of the command, in order of name, and nowhere else', async () => {
    await disk.project('app', '@lamina/cli', 'zebra', 'apple', '@org/melon', 'library', 'missing');
    await disk.command('app/node_modules/@lamina/cli');
    for (const name of ['zebra', 'apple', '@org/melon', 'of-a-dependency'])
      await disk.plugin(`app/node_modules/${name}`, pluginCode(name.replace('@org/', '')));
    await disk.plugin('app/node_modules/library', pluginCode('library'), { keywords: ['other'] });
    await disk.link('app/node_modules/.bin/lamina', 'app/node_modules/@lamina/cli/bin/lamina.js');
    const { names, records } = await disk.load('app/node_modules/.bin/lamina');
    assert.deepEqual(names, ['melon', 'apple', 'zebra']);
    assert.deepEqual(
      records.map(({ package: name, version, from }) => [name, version, from]),
      [
        ['@org/melon', '1.2.3', 'discovery'],
        ['apple', '1.2.3', 'discovery'],
        ['zebra', '1.2.3', 'discovery'],
      ],
    );
  });

  it('never in the working directory', async () => {
    await disk.project('app', '@lamina/cli');
    await disk.command('app/node_modules/@lamina/cli');
    await disk.project('cloned', '@lamina/cli', 'evil');
    await disk.plugin('cloned/node_modules/evil', 'process.exitCode = 1; ' + pluginCode('evil'));
    await disk.write('cloned/lamina.config.mjs', 'process.exitCode = 1; export default {};');
    const before = process.cwd();
    process.chdir(disk.path('cloned'));
    try {
      const { names, configuration } = await disk.load('app/node_modules/@lamina/cli/bin/lamina.js');
      assert.deepEqual([names, configuration.file, process.exitCode], [[], undefined, undefined]);
    } finally {
      process.chdir(before);
      process.exitCode = undefined;
    }
  });

  it('through the links of pnpm, aliases and workspaces', async () => {
    await disk.project('app', '@lamina/cli', 'alias', 'member');
    await disk.command('app/node_modules/.pnpm/@lamina+cli@1.0.0/node_modules/@lamina/cli');
    await disk.link(
      'app/node_modules/@lamina/cli',
      'app/node_modules/.pnpm/@lamina+cli@1.0.0/node_modules/@lamina/cli',
    );
    await disk.plugin('app/node_modules/.pnpm/real@1.0.0/node_modules/real', pluginCode('real'));
    await disk.link('app/node_modules/alias', 'app/node_modules/.pnpm/real@1.0.0/node_modules/real');
    await disk.plugin('app/packages/member', pluginCode('member'));
    await disk.link('app/node_modules/member', 'app/packages/member');
    assert.deepEqual((await disk.load('app/node_modules/@lamina/cli/bin/lamina.js')).names, ['real', 'member']);
  });

  it('in the project of the real path, when the command was invoked by a link from elsewhere', async () => {
    await disk.project('app', '@lamina/cli', 'one');
    await disk.command('app/node_modules/@lamina/cli');
    await disk.plugin('app/node_modules/one', pluginCode('one'));
    await disk.link('bin/lamina', 'app/node_modules/@lamina/cli/bin/lamina.js');
    assert.deepEqual((await disk.load('bin/lamina')).names, ['one']);
  });

  it('beside a command that is installed globally, also below a folder whose package.json has a copy of its own', async () => {
    await disk.project('home', '@lamina/cli', 'other');
    await disk.command('home/node_modules/@lamina/cli');
    await disk.plugin('home/node_modules/other', pluginCode('other'));
    await disk.command('home/.node/lib/node_modules/@lamina/cli');
    await disk.plugin('home/.node/lib/node_modules/one', pluginCode('one'));
    await disk.plugin('home/.node/lib/node_modules/@org/two', pluginCode('two'));
    await disk.link('home/.node/bin/lamina', 'home/.node/lib/node_modules/@lamina/cli/bin/lamina.js');
    const { names, configuration } = await disk.load('home/.node/bin/lamina');
    assert.deepEqual(names, ['two', 'one']);
    assert.equal(configuration.folder, disk.path('home/.config/lamina'));
  });

  it('whatever their exports are: a named export, a plugin instead of a factory, no exports of the package', async () => {
    await disk.project('app', '@lamina/cli', 'a', 'b', 'c');
    await disk.command('app/node_modules/@lamina/cli');
    const named = `export const thePlugin = () => ({ name: 'named', setup() {} });`;
    await disk.plugin('app/node_modules/a', named, { lamina: { plugin: './main.js#thePlugin' } });
    await disk.plugin('app/node_modules/b', `export default { name: 'object', setup() {} };`);
    await disk.plugin('app/node_modules/c', pluginCode('closed'), { exports: { import: './nothing.js' } });
    assert.deepEqual((await disk.load('app/node_modules/@lamina/cli/bin/lamina.js')).names, [
      'named',
      'object',
      'closed',
    ]);
  });

  it('and reported when they cannot be loaded, with the reason; the others are loaded', async () => {
    const broken: Readonly<Record<string, [code: string, json: object, problem: RegExp]>> = {
      throws: ["throw new Error('no licence');", {}, /^no licence$/],
      silent: ['', {}, /main\.js has no export "default"$/],
      wrong: ['export default () => 5;', {}, /^it exports no plugin, and no function that returns one$/],
      nowhere: ['', { lamina: {} }, /^its package\.json does not say where the plugin is/],
      outside: ['', { lamina: { plugin: './../good/main.js' } }, /^its package\.json does not say where the plugin is/],
      newer: [pluginCode('newer').replace(': 1', ': 2'), {}, /^it is for version 2 of the plugin contract, and this/],
      twin: [pluginCode('good'), {}, /^good has a plugin of the same name, "good"$/],
    };
    await disk.project('app', '@lamina/cli', 'good', ...Object.keys(broken));
    await disk.command('app/node_modules/@lamina/cli');
    await disk.plugin('app/node_modules/good', pluginCode('good'));
    for (const [name, [code, json]] of Object.entries(broken))
      await disk.plugin(`app/node_modules/${name}`, code, json);
    const { names, records } = await disk.load('app/node_modules/@lamina/cli/bin/lamina.js');
    assert.deepEqual(names, ['good']);
    const problems = Object.fromEntries(records.map(({ package: name, problem }) => [name, problem]));
    for (const [name, [, , problem]] of Object.entries(broken)) assert.match(problems[name] ?? '', problem, name);
  });

  it('and stop the start when they are listed and cannot be loaded', async () => {
    await disk.project('app', '@lamina/cli', 'throws');
    await disk.command('app/node_modules/@lamina/cli');
    await disk.plugin('app/node_modules/throws', "throw new Error('no licence');");
    const command = 'app/node_modules/@lamina/cli/bin/lamina.js';
    const invalid = (message: RegExp) => ({ code: 'CONFIG_INVALID', message });
    const reason = /^The plugin throws cannot be loaded: no licence\.$/;
    await assert.rejects(disk.load(command, { plugin: ['throws'] }), invalid(reason));
    await assert.rejects(disk.load(command, {}, { LAMINA_PLUGIN: 'throws' }), invalid(reason));
    await assert.rejects(
      disk.load(command, { plugin: ['missing'] }),
      invalid(/^The plugin "missing" is not installed in .*app\. Install it with: npm install missing$/),
    );
    await disk.write('app/lamina.config.yaml', 'plugins: [{ use: throws }]');
    await assert.rejects(disk.load(command), invalid(reason));
  });
});
