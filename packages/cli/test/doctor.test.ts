// lamina doctor: finds faults and says what mends them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Project } from './support/project.js';
import { hasTerminals } from './support/terminal.js';

const testing = import.meta.resolve('@lamina/testing');
const core = import.meta.resolve('@lamina/core/plugin');

const fakeEngine = `export { fakePlugin as plugin } from '${testing}';\n`;
/** An engine that is not here. */
const missingEngine = `
import { definePlugin } from '${core}';
import { fakeBackend } from '${testing}';
const fake = fakeBackend();
const probe = async () => ({ available: false, reason: '"gone" is not in PATH.', hint: 'Install gone.' });
const create = (name, options) => ({ ...fake.create(name, options), name, probe });
export const plugin = definePlugin({ name: 'gone', setup: (lamina) => lamina.addBackend({ ...fake, type: 'gone', create }) });
`;
const configuration = 'modelsDir: ./models\nserver: { port: 0 }\n';
const manifest = 'models:\n  tiny: { path: tiny.fake, backend: fake }\n';

interface DoctorCheck {
  readonly id: string;
  readonly status: 'ok' | 'warning' | 'error';
  readonly detail: string;
  readonly fix?: string;
}

describe('lamina doctor', function () {
  this.timeout(60_000);
  let project: Project;
  let listener: Server | undefined;
  beforeEach(async () => {
    project = await Project.make();
    await project.addPlugin('fake-engine', fakeEngine);
    await project.write('lamina.config.yaml', configuration);
    await project.write('models/models.yaml', manifest);
    await project.write('models/tiny.fake', 'a fake model');
  });
  afterEach(async () => {
    listener?.close();
    listener = undefined;
    await project.remove();
  });

  /** The exit code, and what is not ok. */
  const examine = async (...args: readonly string[]) => {
    const { code, stdout } = await project.run('doctor', '--json', ...args);
    const { checks } = JSON.parse(stdout) as { checks: readonly DoctorCheck[] };
    return { code, checks, problems: checks.filter(({ status }) => status !== 'ok') };
  };
  const takePort = async () => {
    listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return (listener.address() as AddressInfo).port;
  };

  it('has one line for each area when all is well, and exit code 0', async () => {
    const { code, stdout, stderr } = await project.run('doctor');
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.at(-1), 'No problems found.');
    assert.deepEqual(
      lines.slice(0, -2).map((line) => /^\[✓\] (\S+(?: \S+)?) {2}/.exec(line)?.[1]),
      [
        'Node.js',
        'Configuration',
        'Models folder',
        'Data folder',
        'Plugins',
        'Manifest',
        'Engines',
        'GPU',
        'Memory',
      ].concat(['Server', 'Port', 'Keys']),
    );
  });

  it('finds a manifest that cannot be read, and still checks the rest', async () => {
    await project.write('models/models.yaml', 'models:\n  tiny: [\n');
    const { code, checks, problems } = await examine();
    assert.deepEqual([code, checks.length, problems.length], [1, 12, 1]);
    const [{ id, status, detail, fix }] = problems as [DoctorCheck];
    assert.deepEqual([id, status, fix], ['manifest', 'error', 'lamina validate']);
    assert.match(detail, /models\.yaml:2:9: /);
  });

  it('counts the problems that lamina validate shows', async () => {
    await project.write('models/models.yaml', 'models:\n  tiny: { path: tiny.fake, backend: fake, colour: red }\n');
    const { code, problems } = await examine();
    assert.deepEqual(
      [code, problems.map(({ id, detail, fix }) => [id, detail, fix])],
      [0, [['manifest', 'The manifest and the model files have 1 warning', 'lamina validate']]],
    );
  });

  it('finds a missing engine and the models that need it', async () => {
    await project.addPlugin('gone-engine', missingEngine);
    await project.write('models/models.yaml', `${manifest}  lost: { path: tiny.fake, backend: gone }\n`);
    const { code, problems } = await examine();
    assert.equal(code, 1);
    assert.deepEqual(problems, [
      {
        id: 'engines',
        status: 'error',
        detail: '1 model cannot run (lost): gone: "gone" is not in PATH',
        fix: 'Install gone.',
      },
    ]);
  });

  it('finds that no engine is installed at all', async () => {
    await project.write('lamina.config.yaml', `${configuration}plugins: []\n`);
    await project.write('models/models.yaml', 'models: {}\n');
    await rm(project.file('models/tiny.fake'));
    const { problems } = await examine();
    assert.deepEqual(
      problems.map(({ id, fix }) => [id, fix]),
      [['engines', 'npm install @lamina/plugin-embedded']],
    );
  });

  it('names the process that holds the port', async function () {
    if (process.platform !== 'linux') this.skip();
    const port = await takePort();
    await project.write('lamina.config.yaml', `modelsDir: ./models\nserver: { port: ${port} }\n`);
    const { code, problems } = await examine();
    assert.equal(code, 1);
    const [{ id, status, detail, fix }] = problems as [DoctorCheck];
    assert.deepEqual([id, status, fix], ['port', 'error', 'lamina serve --port 0, or stop it']);
    assert.ok(detail.startsWith(`${port} is held by process ${process.pid} (node`), detail);
  });

  it('finds a models directory that is missing, or no directory', async () => {
    await rm(project.file('models'), { recursive: true });
    const { code, problems } = await examine();
    assert.deepEqual(
      [code, problems.map(({ id, status, fix }) => [id, status, fix])],
      [0, [['models_directory', 'warning', 'lamina init']]],
    );
    await project.write('models', 'a file');
    assert.equal((await examine()).code, 1);
  });

  it('finds a plugin that does not load', async () => {
    await project.addPlugin('broken-plugin', "throw new Error('no such luck');\n");
    const { code, problems } = await examine();
    assert.equal(code, 0);
    assert.deepEqual(
      problems.map(({ id, status, detail }) => [id, status, detail]),
      [['plugins', 'warning', 'broken-plugin is not loaded: no such luck']],
    );
  });

  it('finds a model that is larger than the memory for models', async () => {
    await project.write('lamina.config.yaml', `${configuration}limits: { memory: 1GB }\n`);
    await project.write(
      'models/models.yaml',
      'models:\n  huge: { path: tiny.fake, backend: fake, options: { memory_bytes: 5000000000 } }\n',
    );
    const { code, problems } = await examine();
    assert.equal(code, 1);
    assert.deepEqual([problems.length, problems[0]!.id], [1, 'memory']);
    assert.match(problems[0]!.detail, /^huge can never start: it needs 5\.0 GB .* models may use 1\.0 GB$/);
  });

  it('finds a public server without a key', async () => {
    await project.write('lamina.config.yaml', 'modelsDir: ./models\nserver: { port: 0, host: 0.0.0.0 }\n');
    const { code, problems } = await examine();
    assert.deepEqual([code, problems.map(({ id }) => id)], [1, ['keys']]);
  });

  it('checks only what it can with a configuration that cannot be read', async () => {
    await project.write('lamina.config.yaml', 'modelDir: ./models\n');
    const { code, checks } = await examine();
    assert.deepEqual([code, checks.map(({ id }) => id)], [1, ['node', 'configuration']]);
    assert.match(checks[1]!.detail, /did you mean "modelsDir"\?$/);
  });

  it('ends checks that take too long, and shows the others', async () => {
    const hanging = missingEngine.replace(/const probe = .*/, 'const probe = () => new Promise(() => undefined);');
    await project.addPlugin('gone-engine', hanging);
    const { code, problems } = await examine();
    assert.equal(code, 0);
    assert.deepEqual(
      problems.map(({ id, status, detail }) => [id, status, detail]),
      ['engines', 'gpu'].map((id) => [id, 'warning', 'There was no result within 5 s']),
    );
  });

  it('shows the home folder as ~', async () => {
    await project.write('lamina.config.yaml', 'modelsDir: ./home/models\nserver: { port: 0 }\n');
    const { checks } = await examine();
    assert.match(checks.find(({ id }) => id === 'models_directory')!.detail, /^~\/models /);
  });

  it('checks the server that runs, and which process owns the data directory', async () => {
    const { createServer } = await import('@lamina/server-koa');
    const { createLamina } = await import('@lamina/core');
    const lamina = await createLamina({ modelsDir: project.file('models'), log: 'silent' });
    const server = createServer(lamina, { port: 0 });
    try {
      const url = await server.listen();
      const { checks, problems } = await examine();
      assert.deepEqual(problems, []);
      const detailOf = (id: string) => checks.find((check) => check.id === id)!.detail;
      assert.match(detailOf('server'), new RegExp(`^${url}, version \\d`));
      assert.match(detailOf('data_directory'), new RegExp(`in use by process ${process.pid}$`));
    } finally {
      await server.close({ signal: AbortSignal.abort() });
      await lamina.close();
    }
  });

  it('shows five faults on a terminal, each with what mends it, within its width', async function () {
    if (!hasTerminals) return this.skip();
    const port = await takePort();
    await project.write(
      'lamina.config.yaml',
      `modelsDir: ./models\nlimits: { memory: 1GB }\nserver: { port: ${port}, apiKeyFile: ./nowhere }\n`,
    );
    await project.write(
      'models/models.yaml',
      'models:\n  huge: { path: tiny.fake, backend: fake, options: { memory_bytes: 5000000000 } }\n  lost: { path: tiny.fake, backend: gone }\n',
    );
    await project.addPlugin('gone-engine', missingEngine);
    await project.addPlugin('broken-plugin', "throw new Error('no such luck');\n");
    for (const columns of [80, 120]) {
      const terminal = project.terminal(['doctor'], columns);
      assert.equal(await terminal.ended, 1);
      // What comes before is erased.
      const shown = terminal.text.slice(terminal.text.indexOf('[✓] Node.js'));
      for (const line of [/\[!\] Plugins/, /\[✗\] Engines/, /\[✗\] Memory/, /\[✗\] Port/, /\[✗\] Keys/])
        assert.match(shown, line);
      assert.equal(shown.match(/^ {6}fix {2}\S/gm)?.length, 5, shown);
      assert.match(shown, /\n4 errors, 1 warning\n$/);
      assert.ok(terminal.raw.includes('\u001b[31m[✗]\u001b[39m'));
      const longest = Math.max(...shown.split('\n').map((line) => line.length));
      assert.ok(longest <= columns, `${longest} of ${columns} columns\n${shown}`);
    }
  });

  it('refuses --server, since it checks this machine', async () => {
    const { code, stderr } = await project.run('doctor', '--server', 'http://127.0.0.1:9');
    assert.equal(code, 2);
    assert.match(stderr, /works on this machine only/);
  });
});
