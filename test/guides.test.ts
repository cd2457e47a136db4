// The guides for authors: their programs pass, and their commands and manifests work as they are written.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { runCommand } from '@lamina/cli';
import { readConfiguration } from '@lamina/config';
import { createServer } from '@lamina/server-koa';
import { createTestLamina, fakeEngine, fakePlugin, tinyGguf } from '@lamina/testing';
import { parse } from 'yaml';
import type * as Shelf from '../examples/shelf-source.js';
import { root } from './support/root.js';

const folder = mkdtempSync(join(tmpdir(), 'lamina-guides-'));
const env = { ...process.env, PATH: `${folder}${delimiter}${process.env['PATH']}` };
const example = (name: string) => join(root, 'examples/dist', `${name}.js`);

/** The code blocks of a guide that are not quoted from a file of examples/, which tests run. */
function blocksOf(guide: string): string[] {
  const text = readFileSync(join(root, 'docs/guide', `${guide}.md`), 'utf8');
  return [...text.matchAll(/(?<!-->)\n\n```\w+\n([^]*?)```\n/g)].map(([, block]) => block!);
}

/** Runs a program to its end and returns what it prints. @throws AssertionError when it fails */
async function outputOf(program: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn(program, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output);
  return output;
}

/** Whether the packages that a block installs are those of this repository. */
function assertInstalls(block: string): void {
  for (const name of block.matchAll(/@lamina\/([\w-]+)/g)) assert.ok(existsSync(join(root, 'packages', name[1]!)));
  assert.deepEqual(block.trim().replaceAll(/npm install( --save-dev)?( @lamina\/[\w-]+)+\n?/g, ''), '');
}

/** Runs a server of examples/ while a shell runs a command of a guide, and returns what that prints. */
async function askServer(name: string, command: string): Promise<string> {
  const server = spawn(process.execPath, [example(name), join(folder, 'models'), '0'], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const exited = once(server, 'exit');
  let url: string | undefined;
  for await (const line of createInterface({ input: server.stdout }))
    if ((url = /listens on (http:\S+)/.exec(line)?.[1]) !== undefined) break;
  const answer = await outputOf('sh', ['-c', command.replace('http://127.0.0.1:11500', url!)]);
  server.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
  return answer;
}

const model = join(folder, 'models/tiny.gguf');

before(async () => {
  const [main] = fakeEngine({ model: 'any' }).args;
  const program = join(folder, 'my-engine');
  const run = `FAKE_ENGINE_KEY="$MY_ENGINE_KEY" exec '${process.execPath}' '${main}' --file "$2" "$@"`;
  writeFileSync(program, `#!/bin/sh\n[ "$1" = --version ] && { echo 1.0; exit; }\n${run}\n`);
  chmodSync(program, 0o755);
  mkdirSync(join(folder, 'models'));
  await tinyGguf(model, { name: 'tiny' });
});
after(() => rmSync(folder, { recursive: true }));

describe('the guide to backends', function () {
  this.timeout(60_000);
  const [install, curl, ...others] = blocksOf('write-a-backend');

  it('has a plugin of 15 lines', () => {
    const text = readFileSync(join(root, 'examples/engine-plugin.ts'), 'utf8');
    const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'));
    assert.ok(lines.length <= 16, String(lines.length));
  });

  it('has a test with which the plugin passes the conformance kit', async () => {
    const output = await outputOf(process.execPath, [example('test-my-engine')], { MODEL: model });
    assert.match(output, /^# pass 3\d$/m);
    assert.match(output, /^# fail 0$/m);
  });

  it('has a server, and a command that gets the first chat from it', async () => {
    assertInstalls(install!);
    assert.deepEqual(others, []);
    const answer = await askServer('serve-my-engine', curl!);
    assert.match(answer, /"content":"\S+tiny\.gguf: 1 2 3 4"/);
  });
});

describe('the guide to sources', function () {
  this.timeout(60_000);

  it('has a test with which the source passes the conformance kit and downloads a model', async () => {
    const output = await outputOf(process.execPath, [example('test-shelf-source')]);
    assert.match(output, /^# fail 0$/m);
    assert.match(output, /Lamina downloads a model from the shelf/);
  });

  it('has a manifest that names the source', async () => {
    const [install, manifest, ...others] = blocksOf('write-a-source');
    assertInstalls(install!);
    assert.deepEqual(others, []);
    const { shelf } = (await import(example('shelf-source'))) as typeof Shelf;
    const lamina = await createTestLamina({
      plugins: [shelf({ url: 'https://shelf.example' })],
      files: { 'models.yaml': manifest! },
    });
    const [found] = lamina.downloads.downloadable();
    await lamina.close();
    assert.deepEqual(found, { model: 'tiny', sources: { shelf: 'shelf:tiny' } });
  });
});

describe('the guide to several models', function () {
  this.timeout(60_000);
  const [configuration, manifest, command, output, ...others] = blocksOf('memory');

  it('has a configuration', async () => {
    const config = join(folder, 'lamina.config.yaml');
    writeFileSync(config, configuration!);
    const { lamina } = await readConfiguration({
      command: { path: process.argv[1]!, package: 'none' },
      flags: { config },
      env,
    });
    assert.deepEqual(lamina.limits, { memory: 16e9, deviceMemory: { CUDA0: 20e9 } });
    assert.deepEqual(others, []);
  });

  it('has a manifest, a command that shows its models, and what the command prints', async () => {
    const names = ['assistant', 'coder', 'writer'];
    const lamina = await createTestLamina({
      plugins: [fakePlugin()],
      files: {
        'models.yaml': manifest!.replaceAll('.gguf', '.fake'),
        ...Object.fromEntries(names.map((name) => [`${name}.fake`, name])),
      },
      limits: { memory: 16e9 },
    });
    const server = createServer(lamina, { port: 0 });
    const url = await server.listen();
    try {
      assert.deepEqual(lamina.models.diagnostics(), []);
      const { signal } = new AbortController();
      while (lamina.runtime.slot('assistant').state !== 'ready') await lamina.events.once('model.state', { signal });
      const lease = await lamina.runtime.acquire('coder', { signal });
      const waiting = lamina.runtime.acquire('writer', { signal });
      while (lamina.runtime.slot('writer').waitReason === undefined) await new Promise(setImmediate);
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const args = [...command!.trim().split(' ').slice(1), '--server', url];
      assert.equal(await runCommand(args, { env: {}, stdout, stderr, signal }), 0);
      stdout.end();
      assert.equal(withoutSizes(await text(stdout)), withoutSizes(output!));
      lease.release();
      (await waiting).release();
    } finally {
      await server.close({ signal: AbortSignal.abort() });
      await lamina.close({ signal: AbortSignal.abort() });
    }
  });
});

/** A table whose sizes, which depend on the machine, and widths of columns do not count. */
function withoutSizes(printed: string): string {
  return printed.replaceAll(/\d+(\.\d)? ([kMG]B|bytes)/g, 'SIZE').replaceAll(/ {2,}/g, '  ');
}

describe('the guide for people with Ollama or llama-swap', function () {
  this.timeout(60_000);
  const blocks = blocksOf('come-from-ollama-or-llama-swap');
  const [install, ollama, shownEntries, llamaSwap, configuration, manifest, notes, ...others] = blocks;

  it('installs packages of this repository', () => {
    assertInstalls(install!);
    assert.deepEqual(others, []);
  });

  it('has a command that shows the entries of an Ollama store, and what it prints', async () => {
    const gguf = readFileSync(model);
    const store = join(folder, '.ollama/models');
    const digestOf = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
    const blob = (kind: string, content: string | Buffer) => {
      writeFileSync(join(store, 'blobs', `sha256-${digestOf(content)}`), content);
      const size = Buffer.byteLength(content);
      return { mediaType: `application/vnd.ollama.image.${kind}`, digest: `sha256:${digestOf(content)}`, size };
    };
    const directory = join(store, 'manifests/registry.ollama.ai/library/llama3.2');
    for (const made of [directory, join(store, 'blobs')]) mkdirSync(made, { recursive: true });
    const stored = {
      config: blob('config', '{"model_family":"llama","model_type":"3.2B","file_type":"Q4_K_M"}'),
      layers: [
        blob('model', gguf),
        blob('params', '{"num_ctx":4096,"temperature":0.6}'),
        blob('system', 'Answer in one sentence.'),
      ],
    };
    writeFileSync(join(directory, '3b'), JSON.stringify(stored));
    const printed = await importOf(ollama!, folder);
    const digest = /[0-9a-f]{64}/;
    assert.equal(
      printed.replace(digest, 'DIGEST').replaceAll(folder, '/home/ada').replace('/home/ada/imported', 'models'),
      shownEntries!.replace(digest, 'DIGEST'),
    );
  });

  it('has a configuration of llama-swap, the manifest that it becomes, and what the command prints', async () => {
    const file = join(folder, 'config.yaml');
    writeFileSync(file, configuration!);
    const printed = await importOf(llamaSwap!.replace('config.yaml', file), folder);
    assert.ok(printed.includes(`\n${notes!}`), printed);
    const written = readFileSync(join(folder, 'imported/models.yaml'), 'utf8');
    assert.deepEqual(parse(written), parse(manifest!));
  });
});

/** What a command of the guide prints, in an empty models directory; HOME has Ollama's store. */
async function importOf(command: string, home: string): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const more = ['--models-dir', join(folder, 'imported'), '--plugin', '@lamina/plugin-ollama-source'];
  const args = [...command.trim().split(' ').slice(1), ...more];
  const code = await runCommand(args, { env: { HOME: home }, stdout, stderr, signal });
  assert.equal(code, 0, String(stderr.read()));
  stdout.end();
  return text(stdout);
}

describe('the guide to server extensions', function () {
  this.timeout(60_000);

  it('has a test with which the plugin passes the conformance kit', async () => {
    const output = await outputOf(process.execPath, [example('test-notes-extension')]);
    assert.match(output, /^# pass 8$/m);
    assert.match(output, /^# fail 0$/m);
  });

  it('has a server, and a command that gets the first response from the route', async () => {
    const [install, curl, errorBody, ...others] = blocksOf('write-a-server-extension');
    assertInstalls(install!);
    assert.deepEqual(others, []);
    assert.match(await askServer('serve-notes', curl!), /^data: \{.*"content":"\S+tiny\.gguf:"/m);
    assert.deepEqual(extendedBy(errorBody!).errorBody({ message: 'No paper.' }), { error: 'No paper.' });
  });
});

/** What a block of a guide that calls `lamina.extend` contributes. */
function extendedBy(block: string): { errorBody(error: object): object } {
  const contributions: { errorBody(error: object): object }[] = [];
  const lamina = { extend: (_point: string, value: { errorBody(error: object): object }) => contributions.push(value) };
  // The code of the guide, as it is written.
  new Function('lamina', 'routes', block)(lamina, []);
  return contributions[0]!;
}
