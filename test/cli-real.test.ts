// The lamina command with the installed plugins: against nginx in the role of the Hugging Face Hub, and with llama-server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { tinyGguf } from '@lamina/testing';
import { describeReal, llamaServer } from './support/engine.js';
import { describeWith, nginx } from './support/nginx.js';
import { NginxHub } from './support/nginx-hub.js';
import { root } from './support/root.js';

describeWith({ nginx }, 'lamina pull with the installed plugins', function () {
  this.timeout(60_000);
  let folder: string;
  let hub: NginxHub;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-cli-'));
    await mkdir(join(folder, 'files'));
    const { paths } = await tinyGguf(join(folder, 'files', 'tiny-Q8_0.gguf'), { name: 'hub', shards: 2 });
    hub = await NginxHub.open(join(folder, 'nginx'), paths);
  });
  after(async () => {
    await hub.close();
    await rm(folder, { recursive: true });
  });

  const lamina = async (...args: string[]) => {
    const env = {
      ...process.env,
      HF_ENDPOINT: hub.url,
      HF_HOME: join(folder, 'hf'),
      OLLAMA_MODELS: join(folder, 'ollama'),
    };
    const child = spawn(process.execPath, [join(root, 'packages/cli/bin/lamina.js'), ...args], { cwd: folder, env });
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number]>,
    ]);
    return { code, stdout, stderr };
  };

  it('downloads all shards from the Hub named by the environment', async () => {
    const pulled = await lamina('pull', 'org/tiny:Q8_0', '--name', 'tiny');
    assert.equal(pulled.code, 0, pulled.stderr);
    assert.match(pulled.stderr, /^Pulling tiny from huggingface: 2 files, /);
    assert.match((await lamina('list')).stdout, /^tiny +available +\S+ kB +Q8_0 +(llama\.cpp|embedded)$/m);
    assert.match((await lamina('validate', 'tiny')).stdout, /^tiny +ok$/m);
    assert.deepEqual(await lamina('pull', 'org/tiny:Q8_0'), {
      code: 0,
      stdout: 'tiny is already downloaded.\n',
      stderr: '',
    });
  });

  it('reports why a gated model cannot be downloaded', async () => {
    const { code, stdout, stderr } = await lamina('pull', 'org/gated');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^lamina: .*org\/gated.*\n$/);
  });
});

describeReal('lamina run with llama-server', function () {
  this.timeout(60_000);

  it('starts the engine, prints the answer to a prompt and standard input, and stops the engine', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lamina-run-'));
    try {
      await mkdir(join(folder, 'models'));
      await tinyGguf(join(folder, 'models', 'anna.gguf'), { name: 'anna', say: ' I am anna.' });
      const manifest = { models: { anna: { path: 'anna.gguf', options: { threads: 1, context_length: 512 } } } };
      await writeFile(join(folder, 'models', 'models.yaml'), JSON.stringify(manifest));
      const env = { ...process.env, PATH: [dirname(llamaServer!), process.env['PATH']].join(delimiter) };
      const program = join(root, 'packages/cli/bin/lamina.js');
      const child = spawn(process.execPath, [program, 'run', 'anna', 'Who are you?', '--stats'], { cwd: folder, env });
      child.stdin.end('Be brief.\n');
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number]>,
      ]);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, 'I am anna.\n');
      assert.match(stderr, /^\d+ tokens · .* · prompt \d+ tokens\n$/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
