// lamina init: looks at the machine, says what it would write, and writes it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { tinyGguf } from '@lamina/testing';
import { Project } from './support/project.js';
import { hasTerminals, keys, type Terminal } from './support/terminal.js';

interface InitView {
  readonly models: readonly string[];
  readonly found: readonly { readonly name: string; readonly path: string }[];
  readonly ollama: readonly { readonly path: string; readonly models: number }[];
  readonly files: readonly { readonly path: string; readonly state: string; readonly text?: string }[];
  readonly next: readonly string[];
}

describe('lamina init', function () {
  this.timeout(60_000);
  let project: Project;
  let models: string;
  beforeEach(async () => {
    project = await Project.make();
    models = project.file('models');
  });
  afterEach(() => project.remove());

  const files = () => [project.file('models/models.yaml'), project.file('lamina.config.yaml')];
  const texts = () => Promise.all(files().map((path) => readFile(path, 'utf8')));
  const isWritten = () => files().map((path) => existsSync(path));
  const gguf = async (path: string) => {
    await mkdir(project.file(path.replace(/\/[^/]*$/, '')), { recursive: true });
    await tinyGguf(project.file(path));
  };

  describe('in an empty home', () => {
    it('shows the plan without a terminal, writes nothing, and names the flag that writes it', async () => {
      const { code, stdout, stderr } = await project.run('init', models);
      assert.deepEqual([code, isWritten()], [2, [false, false]]);
      for (const path of files()) assert.ok(stdout.includes(path), stdout);
      assert.match(stderr, /--yes/);
    });

    it('shows the plan with --dry-run, with the content of the files as JSON', async () => {
      const { code, stdout } = await project.run('init', models, '--dry-run');
      assert.deepEqual([code, isWritten()], [0, [false, false]]);
      assert.match(stdout, /To write\n.*models\.yaml +no models yet\n.*lamina\.config\.yaml/);
      const view = await project.json<InitView>('init', models, '--dry-run');
      assert.deepEqual(
        view.files.map(({ path, state }) => [path, state]),
        files().map((path) => [path, 'planned']),
      );
      assert.match(view.files[1]!.text!, /^modelsDir: \.\/models$/m);
    });

    it('writes files that load, and says how to go on', async () => {
      const { code, stdout, stderr } = await project.run('init', models, '--yes');
      assert.deepEqual([code, stderr, isWritten()], [0, '', [true, true]]);
      assert.match(
        stdout,
        /Next\n {2}npm install @lamina\/plugin-embedded @lamina\/plugin-hf-source\n {2}lamina pull /,
      );
      const { stdout: checked, code: valid } = await project.run('validate');
      assert.deepEqual([valid, checked], [0, '0 models checked, no problems found\n']);
      const { settings } = await project.json<{ settings: Record<string, unknown> }>('config');
      assert.deepEqual(settings['modelsDir'], { value: models, origin: 'file' });
    });

    it('changes nothing the second time, and says so', async () => {
      await project.run('init', models, '--yes');
      const before = await texts();
      const { code, stdout } = await project.run('init');
      assert.equal(code, 0);
      assert.match(stdout, /Everything is set up; nothing was changed\./);
      assert.deepEqual(await texts(), before);
    });

    it('writes settings as comments that load when they are uncommented', async () => {
      await project.run('init', models, '--yes');
      const [manifest, configuration] = await texts();
      await writeFile(files()[1]!, configuration!.replace(/^# (?=limits|server| )/gm, ''));
      await writeFile(files()[0]!, manifest!.replace(/^ {2}# (?=llama3| {2})/gm, '  '));
      await writeFile(project.file('lamina.keys'), 'secret\n');
      const { settings } = await project.json<{ settings: Record<string, { origin: string }> }>('config');
      const written = Object.keys(settings).filter((key) => settings[key]!.origin === 'file');
      const [limits, server] = [
        ['memory', 'maxLoaded', 'idleTimeout'],
        ['host', 'port', 'apiKeyFile'],
      ];
      assert.deepEqual(written, [
        'modelsDir',
        ...limits!.map((key) => `limits.${key}`),
        ...server!.map((key) => `server.${key}`),
      ]);
      const { models: listed } = await project.json<{ models: object }>('list');
      assert.deepEqual(Object.keys(listed), ['llama3.2-3b']);
    });

    it('keeps a manifest that exists', async () => {
      await project.write('models/models.yaml', '# mine\n');
      const view = await project.json<InitView>('init', models, '--yes');
      assert.deepEqual(
        view.files.map(({ state }) => state),
        ['exists', 'written'],
      );
      assert.equal((await texts())[0], '# mine\n');
    });

    it('says which file cannot be written', async () => {
      await symlink('nowhere', files()[1]!);
      const { code, stderr } = await project.run('init', models, '--yes');
      assert.equal(code, 1);
      assert.match(stderr, /^lamina: Cannot write \S+lamina\.config\.yaml: .*another directory\.\n$/);
    });

    it('writes the manifest that is named, where there is none', async () => {
      const manifest = project.file('other/mine.yaml');
      assert.equal((await project.run('init', models, '--manifest', manifest, '--yes')).code, 0);
      assert.deepEqual([existsSync(manifest), ...isWritten()], [true, false, true]);
    });

    it('takes the directory once', async () => {
      const { code, stderr } = await project.run('init', models, '--models-dir', models, '--yes');
      assert.deepEqual([code, isWritten()], [2, [false, false]]);
      assert.match(stderr, /Name the directory of the models once/);
    });
  });

  describe('in a used home', () => {
    beforeEach(async () => {
      await gguf('home/Downloads/Tiny Llama.Q8_0.gguf');
      await gguf('home/.lmstudio/models/maker/tiny/tiny-q4.gguf');
      await gguf('home/.cache/huggingface/hub/models--a--b/blobs/1234');
      const snapshot = 'home/.cache/huggingface/hub/models--a--b/snapshots/1';
      await mkdir(project.file(snapshot), { recursive: true });
      await symlink('../../blobs/1234', project.file(`${snapshot}/linked.gguf`));
      await gguf('models/here.gguf');
      await project.write('home/Downloads/damaged.gguf', 'GGUF, but not more');
      await project.write('home/Downloads/page.gguf', '<html>');
      await project.write('home/.ollama/models/manifests/registry.ollama.ai/library/llama3.2/1b', '{}');
    });

    it('adds the model files of other programs by their paths', async () => {
      const view = await project.json<InitView>('init', models, '--yes');
      assert.deepEqual(view.models, ['here']);
      assert.deepEqual(view.found.map(({ name }) => name).sort(), ['linked', 'tiny-llama.q8_0', 'tiny-q4']);
      const [manifest] = await texts();
      assert.match(manifest!, /^ {2}tiny-llama\.q8_0:\n {4}path: "~\/Downloads\/Tiny Llama\.Q8_0\.gguf"$/m);
      const { code, stdout } = await project.run('validate');
      assert.deepEqual([code, /4 models checked, no problems found/.test(stdout)], [0, true], stdout);
    });

    it('names the command that imports an Ollama store, and a model to run', async () => {
      const { ollama, next } = await project.json<InitView>('init', models, '--dry-run');
      assert.deepEqual(ollama, [{ path: project.file('home/.ollama/models'), models: 1 }]);
      assert.ok(next.includes('lamina import ollama'), next.join('\n'));
      assert.ok(!next.some((command) => command.startsWith('lamina pull')), next.join('\n'));
      assert.match(next.at(-1)!, /^lamina run \S+ "Hello"$/);
    });
  });

  describe('on a terminal', () => {
    let terminal: Terminal | undefined;
    before(function () {
      if (!hasTerminals) this.skip();
    });
    afterEach(() => terminal?.close());

    it('asks after it has shown the plan, and writes the files', async () => {
      terminal = project.terminal(['init']);
      await terminal.saw(/To write\n {2}models\/models\.yaml[^]*Write these files\? \[Y\/n\] /);
      assert.deepEqual(isWritten(), [false, false]);
      terminal.type(keys.enter);
      await terminal.saw(/Wrote models\/models\.yaml and lamina\.config\.yaml\.\n\nNext\n/);
      assert.equal(await terminal.ended, 0);
      assert.deepEqual(isWritten(), [true, true]);
    });

    for (const [what, typed, code] of [
      ['no', `n${keys.enter}`, 1],
      ['the end of the input', keys.ctrlD, 1],
      ['Ctrl-C', keys.ctrlC, 130],
    ] as const)
      it(`writes nothing after ${what}`, async () => {
        terminal = project.terminal(['init']);
        await terminal.saw(/\[Y\/n\] /);
        terminal.type(typed);
        assert.equal(await terminal.ended, code);
        assert.deepEqual(isWritten(), [false, false]);
      });
  });
});
