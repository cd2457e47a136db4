// Configuration: where each value comes from, and what an invalid one says.
import assert from 'node:assert/strict';
import { defaultDownloadLimits, defaultLimits, type LaminaOptions } from '@lamina/core';
import { environmentName, settings } from '@lamina/config';
import { Disk, pluginCode } from './support.js';

const command = 'app/node_modules/@lamina/cli/bin/lamina.js';

describe('a configuration', () => {
  let disk: Disk;
  beforeEach(async () => {
    disk = await Disk.make();
    await disk.project('app', '@lamina/cli', 'one', 'two');
    await disk.command('app/node_modules/@lamina/cli');
    await disk.plugin('app/node_modules/one', pluginCode('first'));
    await disk.plugin('app/node_modules/two', pluginCode('second'));
  });
  afterEach(() => disk.remove());

  const valuesOf = async (flags: object = {}, env: object = {}) => {
    const { configuration } = await disk.load(command, { ...flags }, { ...env });
    return Object.fromEntries(
      configuration.values.map(({ setting, value, origin, name }) => [setting.key, [value, origin, name]]),
    );
  };

  it('takes flags, then environment variables, then the file, then the defaults', async () => {
    await disk.write(
      'app/lamina.config.yaml',
      'server: { port: 1, host: ::1 }\nlimits: { idleTimeout: 1, maxLoaded: 2 }',
    );
    const env = { LAMINA_PORT: '2', LAMINA_IDLE_TIMEOUT: '2', LAMINA_CORS: 'a, b', LAMINA_HOST: '' };
    const values = await valuesOf({ port: 3 }, env);
    assert.deepEqual(values['server.port'], [3, 'flag', '--port']);
    assert.deepEqual(values['limits.idleTimeout'], [2, 'environment', 'LAMINA_IDLE_TIMEOUT']);
    assert.deepEqual(values['server.cors'], [['a', 'b'], 'environment', 'LAMINA_CORS']);
    assert.deepEqual(values['server.host'], ['::1', 'file', undefined]);
    assert.deepEqual(values['limits.maxLoaded'], [2, 'file', undefined]);
    assert.deepEqual(values['limits.queueLimit'], [512, 'default', undefined]);
    const { configuration } = await disk.load(command, { port: 3 }, env);
    assert.deepEqual(configuration.server, { host: '::1', port: 3, cors: ['a', 'b'] });
    assert.deepEqual(configuration.lamina.limits, { maxLoaded: 2, idleTimeout: 2 });
  });

  it('takes sizes as texts: the memory of the machine from a flag, a variable or the file, that of devices from the file', async () => {
    const memoryOf = async (flags: Record<string, unknown>, env: object = {}) =>
      (await disk.load(command, flags, { ...env })).configuration.lamina.limits;
    assert.deepEqual(await memoryOf({ memory: '16GB' }), { memory: 16e9 });
    assert.deepEqual(await memoryOf({}, { LAMINA_MEMORY: '8 GiB' }), { memory: 8 * 1024 ** 3 });
    await disk.write(
      'app/lamina.config.yaml',
      'limits:\n  memory: 1.5GB\n  deviceMemory: { CUDA0: 20GB, CUDA1: 0, Metal: 1000 }\n',
    );
    const deviceMemory = { CUDA0: 20e9, CUDA1: 0, Metal: 1000 };
    assert.deepEqual(await memoryOf({}), { memory: 1.5e9, deviceMemory });
    assert.deepEqual(await memoryOf({ memory: '2GB' }), { memory: 2e9, deviceMemory });
  });

  it('has the defaults of core, and one rule for the names of environment variables', () => {
    const defaultsOf = (section: string) =>
      Object.fromEntries(
        settings
          .filter(({ key }) => key.startsWith(`${section}.`))
          .map(({ key, default: value }) => [key.slice(section.length + 1), value]),
      );
    assert.deepEqual({ ...defaultsOf('limits'), deviceMemory: {} }, defaultLimits);
    assert.deepEqual({ ...defaultsOf('downloads'), allowedHosts: [] }, defaultDownloadLimits);
    const flags = settings.flatMap(({ flag }) => flag ?? []);
    assert.deepEqual(flags.map(environmentName).slice(0, 2), ['LAMINA_MODELS_DIR', 'LAMINA_MANIFEST']);
    assert.equal(new Set(flags.map(environmentName)).size, flags.length);
  });

  it('is read from a module, JSON or YAML, whose paths are relative to the file', async () => {
    const files = {
      'lamina.config.mjs': "export default { modelsDir: 'm', server: { bodyLimit: 1000, apiKeys: () => [] } };",
      'lamina.config.json': '{ "modelsDir": "m", "server": { "bodyLimit": "1kB" } }',
      'lamina.config.yml': 'modelsDir: m\nserver: { bodyLimit: 1 kB }',
    };
    for (const [name, text] of Object.entries(files)) {
      await disk.write(`app/${name}`, text);
      const { configuration } = await disk.load(command);
      assert.equal(configuration.lamina.modelsDir, disk.path('app/m'), name);
      assert.equal(configuration.server['bodyLimit'], 1000, name);
      assert.equal(configuration.file?.path, disk.path('app', name));
      const elsewhere = disk.path('app', name);
      assert.equal((await disk.load(command, { config: elsewhere })).configuration.file?.path, elsewhere);
      await disk.write(`app/${name}`, '');
      await disk.discard(`app/${name}`);
    }
    assert.equal((await disk.load(command)).configuration.file, undefined);
  });

  it('is named by a flag, or by LAMINA_CONFIG, and otherwise lies in the project', async () => {
    await disk.write('app/lamina.config.json', '{ "limits": { "maxLoaded": 2 } }');
    await disk.write('b.json', '{ "limits": { "maxLoaded": 3 } }');
    await disk.write('c.json', '{ "limits": { "maxLoaded": 4 } }');
    const maxLoaded = async (flags: object, env: object) => (await valuesOf(flags, env))['limits.maxLoaded']?.[0];
    assert.equal(await maxLoaded({}, {}), 2);
    assert.equal(await maxLoaded({}, { LAMINA_CONFIG: disk.path('b.json') }), 3);
    assert.equal(await maxLoaded({ config: disk.path('c.json') }, { LAMINA_CONFIG: disk.path('b.json') }), 4);
  });

  it('keeps the plugins that were found, with options for them by name or package', async () => {
    await disk.write('app/lamina.config.yaml', 'server: { port: 1 }');
    assert.deepEqual((await disk.load(command)).names, ['first', 'second']);
    await disk.write('app/lamina.config.yaml', 'options: { first: { a: 1 }, two: { b: 2 } }');
    assert.deepEqual((await disk.load(command)).options, { first: { a: 1 }, second: { b: 2 } });
  });

  it('replaces them with the plugins it lists, to which a flag adds one', async () => {
    await disk.write('app/lamina.config.yaml', 'plugins:\n  - use: two\n    options: { c: 3 }');
    assert.deepEqual((await disk.load(command)).options, { second: { c: 3 } });
    const { options, records } = await disk.load(command, { plugin: ['one', 'two'] });
    assert.deepEqual(options, { second: { c: 3 }, first: {} });
    assert.deepEqual(
      records.map(({ from }) => from),
      ['flag', 'flag'],
    );
    await disk.discard('app/lamina.config.yaml');
    const module = `export default { plugins: [{ name: 'own', setup() {} }, { use: 'one' }] };`;
    await disk.write('app/lamina.config.mjs', module);
    assert.deepEqual((await disk.load(command)).names, ['own', 'first']);
  });

  it('says where it is wrong, what the key is, and which key is nearest', async () => {
    const wrong = async (name: string, text: string, message: RegExp, details: object = {}) => {
      await disk.write(`app/${name}`, text);
      // Node loads a module once, so each has a name of its own.
      const flags = name.endsWith('.mjs') ? { config: disk.path('app', name) } : {};
      await assert.rejects(
        disk.load(command, flags),
        (error: Error & { code: string; details: Record<string, unknown> }) => {
          assert.equal(error.code, 'CONFIG_INVALID');
          assert.match(error.message, message);
          for (const [key, value] of Object.entries(details)) assert.equal(error.details[key], value, key);
          return true;
        },
      );
      await disk.discard(`app/${name}`);
    };
    const yaml = 'lamina.config.yaml';
    const place = { line: 3, column: 3, key: 'server.prot' };
    await wrong(
      yaml,
      'limits: {}\nserver:\n  prot: 1\n',
      /app\/lamina\.config\.yaml, line 3: "server\.prot" .*did you mean "port"\?$/,
      place,
    );
    await wrong('lamina.config.json', '{\n"limits": {},\n  "server": { "prot": 1 } }', /, line 3: "server\.prot"/);
    await wrong(yaml, 'limits:\n  maxLoaded: many\n', /, line 2: "limits\.maxLoaded" must be integer, not "many"\.$/);
    await wrong(yaml, 'plugins:\n  - use: one\n  - used: two\n', /, line 3: "plugins\.1\.used" .*"use"\?$/);
    await wrong(yaml, 'a: [1\nb: 2\n', /app\/lamina\.config\.yaml, line \d: /);
    await wrong('lamina.config.json', '{ "a": }', /^Cannot load .*lamina\.config\.json: /);
    await wrong('limit.mjs', 'export default { limit: {} };', /"limit" .*did you mean "limits"\?$/);
    await wrong('named.mjs', 'export const a = 1;', /must have a default export/);
    await wrong(yaml, 'options: { frist: { a: 1 } }', /"options\.frist" is for no plugin .*did you mean "first"\?$/);
    await wrong(yaml, 'server: { bodyLimit: much }', /^"server\.bodyLimit much" is not a size\. Write it like 64MB\.$/);
    await wrong(yaml, 'limits: { memory: much }', /^"limits\.memory much" is not a size\. Write it like 64MB\.$/);
    const sizes = 'limits:\n  deviceMemory: { CUDA0: most }\n';
    await wrong(yaml, sizes, /^"limits\.deviceMemory\.CUDA0 most" is not a size\. Write it like 64MB\.$/);
    await wrong(yaml, 'limits: { deviceMemory: 20GB }', /"limits\.deviceMemory" must be object, not "20GB"\.$/);
    await wrong(
      yaml,
      'limits:\n  abandonTimeout: 10\n',
      /, line 2: "limits\.abandonTimeout" was removed: a start that no client waits for goes on .*\. Delete it\.$/,
    );
    await wrong(
      'use.mjs',
      "export default { plugins: [{ use: 'one', option: {} }] };",
      /"plugins\.0\.option".*"options"\?$/,
    );
    await wrong(yaml, 'server: { apiKeys: [my-secret] }', /, line 1: "server\.apiKeys\.0" is not right\.$/);
    await disk.write('app/lamina.config.json', '{}');
    await wrong(yaml, '', /^There are several configuration files: .*\.json and .*\.yaml\. Keep one of them\.$/);
    await assert.rejects(disk.load(command, {}, { LAMINA_PORT: 'x' }), {
      message: 'The environment variable LAMINA_PORT is "x". Expected a whole number from 0 to 65535.',
    });
    await assert.rejects(disk.load(command, { memory: '16 cats' }), {
      message: '"--memory 16 cats" is not a size. Write it like 64MB.',
    });
    await assert.rejects(disk.load(command, {}, { LAMINA_MEMORY: '0' }), {
      message: '"LAMINA_MEMORY 0" is not a size. Write it like 64MB.',
    });
    await assert.rejects(disk.load(command, { config: 'nowhere.yaml' }), { message: /^Cannot load nowhere\.yaml: / });
  });

  it('can have every option of createLamina in a module, except the mode', async () => {
    // The compiler finds an option that is missing here.
    const options: Record<Exclude<keyof LaminaOptions, 'mode'>, true> = {
      plugins: true,
      manifest: true,
      modelsDir: true,
      dataDir: true,
      limits: true,
      downloads: true,
      log: true,
      env: true,
      fetch: true,
      clock: true,
      configure: true,
    };
    const members = Object.keys(options).map((name) => `${name}: undefined`);
    await disk.write('app/lamina.config.mjs', `export default { ${members.join(', ')} };`);
    assert.deepEqual((await disk.load(command)).names, ['first', 'second']);
  });

  it('in TypeScript runs where Node runs it, and otherwise says what to do', async () => {
    await disk.write('app/lamina.config.ts', 'const port: number = 4; export default { server: { port } };');
    if ('typescript' in process.features && process.features.typescript)
      assert.equal((await valuesOf())['server.port']?.[0], 4);
    else
      await assert.rejects(valuesOf(), { message: /runs no TypeScript\. Use Node 22\.18 or newer, or JavaScript\.$/ });
  });
});
