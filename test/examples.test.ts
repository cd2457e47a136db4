// The examples compile, stay short, and work.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendType, PluginContext } from '@lamina/core/plugin';
import { createServer } from '@lamina/server-koa';
import { backendConformance, createTestLamina, fakeEngine, fakePlugin, tinyGguf } from '@lamina/testing';
import type * as EnginePlugin from '../examples/engine-plugin.js';
import { chatBody, streamChat } from './support/client.js';
import { describeEmbedded, describeReal, embeddedDirectory, llamaServer, writeModels } from './support/engine.js';

const example = (name: string) => fileURLToPath(new URL(`../../examples/dist/${name}.js`, import.meta.url));
const { myEngine } = (await import(example('engine-plugin'))) as typeof EnginePlugin;
const directory = await mkdtemp(join(tmpdir(), 'lamina-examples-'));

/** The lines of a source file that contain code. */
function linesOfCode(name: string): number {
  const text = readFileSync(fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url)), 'utf8');
  return text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//')).length;
}

/** Runs an example and collects what it prints. */
function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [example(name), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const waiting: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const resume of waiting.splice(0)) resume();
    });
  }
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const printed = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const found = pattern.exec(output)?.[0];
      if (found !== undefined) return found;
      await Promise.race([
        new Promise<void>((resolve) => waiting.push(resolve)),
        exited.then((code) => assert.fail(`the example exited with ${code}: ${output}`)),
      ]);
    }
  };
  return { child, exited, printed, output: () => output };
}

after(() => rm(directory, { recursive: true, force: true }));

describe('the example of an engine plugin', () => {
  it('has less than twenty lines', () =>
    assert.ok(linesOfCode('engine-plugin') < 20, String(linesOfCode('engine-plugin'))));

  describe('passes the conformance kit, with a fake engine as its program:', function () {
    this.timeout(60_000);
    let type: BackendType | undefined;
    void myEngine().setup(
      { addBackend: (added: BackendType) => (type = added) } as unknown as PluginContext,
      {} as never,
    );
    const program = join(directory, 'my-engine');

    before(async () => {
      const [main] = fakeEngine({ model: 'any' }).args;
      await writeFile(
        program,
        `#!/bin/sh\n[ "$1" = --version ] && { echo 1.0; exit; }\nFAKE_ENGINE_KEY="$MY_ENGINE_KEY" exec '${process.execPath}' '${main}' --file "$2" "$@"\n`,
      );
      await chmod(program, 0o755);
    });

    const model = async (name: string, broken = false) => {
      const path = join(directory, `${name}.gguf`);
      if (broken) await writeFile(path, 'broken');
      else await tinyGguf(path, { name });
      return {
        name,
        files: [{ role: 'weights' as const, path, bytes: 1 }],
        format: 'gguf',
        aliases: [],
        options: {},
        pinned: false,
        limits: {},
        from: 'manifest' as const,
      };
    };
    const cases = backendConformance({
      type: type!,
      options: { executable: program },
      model: () => model('good'),
      brokenModel: () => model('broken', true),
      embedding: {},
      env: process.env,
      skip: {
        'the memory estimate is positive and grows with the context': 'it has no estimate',
        'the request adapter keeps unknown fields and does not modify its input': 'it has none',
        'options reach the engine': 'it has no options',
        'a server responds after sleep and wake': 'it cannot sleep',
      },
    });
    for (const { name, skip, run: check } of cases) {
      if (skip === undefined) it(name, check);
      else it.skip(`${name} (${skip})`);
    }
  });
});

describe('the example of a host that replaces services', () => {
  it('evicts by its own policy and measures idle time by its own clock', async () => {
    const modelsDir = await mkdtemp(join(directory, 'configure-'));
    for (const name of ['one', 'two']) await writeFile(join(modelsDir, `${name}.fake`), name);
    await writeFile(join(modelsDir, 'models.yaml'), 'models:\n  one: { path: one.fake }\n  two: { path: two.fake }\n');
    const host = run('configure', [modelsDir, 'one', 'two']);
    assert.equal(await host.exited, 0, host.output());
    assert.match(host.output(), /two needs memory, idle: one\ntwo sleeps: it was idle\n/);
  });
});

describe('the example of a plugin test', function () {
  this.timeout(60_000);

  it('passes', async () => {
    const test = run('test-a-plugin', []);
    assert.equal(await test.exited, 0, test.output());
  });
});

describe('the program of the guide to the client', () => {
  it('chats, starts models, downloads, listens and ends', async () => {
    const lamina = await createTestLamina({
      files: { 'model.fake': 'a fake model' },
      plugins: [fakePlugin()],
      manifest: { models: { tiny: { path: 'model.fake' } } },
    });
    const server = createServer(lamina, { port: 0, apiKeys: [{ key: 'secret' }] });
    const file = join(directory, 'file.gguf');
    await tinyGguf(file, { name: 'file' });
    const files = createHttpServer((_, response) => void response.end(readFileSync(file)));
    try {
      await once(files.listen(0, '127.0.0.1'), 'listening');
      const fileUrl = `http://127.0.0.1:${(files.address() as AddressInfo).port}/file.gguf`;
      const guide = run('use-the-client', [await server.listen(), 'tiny', fileUrl], {
        ...process.env,
        LAMINA_KEY: 'secret',
      });
      assert.equal(await guide.exited, 0, guide.output());
      for (const line of [
        /^Connected, allowed: inference, manage$/m,
        /^tiny: .* → ready$/m,
        /^Loads: /m,
        /^tiny: 1 2 3 4$/m,
        /^Finished \(stop\) after 5 tokens$/m,
        /^2 vectors of \d+ numbers$/m,
        /^tiny: ready, 12 bytes$/m,
        /^tiny: .* → stopped$/m,
        /^Download: finished, (\d+) of \1 bytes$/m,
        /^MODEL_NOT_FOUND: Model "no-such-model" was not found\./m,
      ])
        assert.match(guide.output(), line);
    } finally {
      files.close();
      await server.close({ signal: AbortSignal.abort() });
      await lamina.close({ signal: AbortSignal.abort() });
    }
  });
});

describeReal('the examples on a real llama-server', function () {
  this.timeout(60_000);

  it('the demo creates a model, streams a chat, prints the curl command and exits', async () => {
    const demo = run('demo', ['--once', '--port', '0'], { ...process.env, LAMINA_LLAMA_SERVER: llamaServer });
    assert.equal(await demo.exited, 0);
    assert.match(demo.output(), /Hello from the model tiny\.\n/);
    assert.match(demo.output(), /curl -N http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions/);
  });

  it('the demo runs until Ctrl-C, and its curl command works', async () => {
    const demo = run('demo', ['--port', '0'], { ...process.env, LAMINA_LLAMA_SERVER: llamaServer });
    const url = (await demo.printed(/http:\/\/127\.0\.0\.1:\d+/)).trim();
    await demo.printed(/Press Ctrl-C to stop/);
    assert.equal((await streamChat(url, chatBody('tiny'))).text, 'Hello from the model tiny.');
    demo.child.kill('SIGINT');
    assert.equal(await demo.exited, 0);
  });

  it('the composed server has at most ten lines, and serves chats, also to the client', async () => {
    assert.ok(linesOfCode('compose-a-server') <= 10);
    await writeModels(directory, ['composed']);
    await writeFile(
      join(directory, 'models.yaml'),
      `models:\n  composed: { path: composed.gguf }\nbackends:\n  llama.cpp: { executable: ${llamaServer}, context_length: 1024 }\n`,
    );
    const server = run('compose-a-server', [directory, '0']);
    const url = await server.printed(/http:\/\/\S+/);
    assert.equal((await streamChat(url, chatBody('composed'))).text, 'I am composed.');
    const client = run('websocket-client', [url, 'composed']);
    await client.exited;
    assert.equal(client.output(), 'I am composed.');
    const other = run('websocket-client', [url, 'another']);
    await other.exited;
    assert.match(other.output(), /^Model "another" was not found\./);
    server.child.kill('SIGINT');
    assert.equal(await server.exited, 0);
  });

  for (const framework of ['express', 'fastify'])
    it(`the ${framework} application serves chats below /ai, and its own page`, async () => {
      await writeModels(directory, [framework]);
      await writeFile(
        join(directory, 'models.yaml'),
        `models:\n  ${framework}: { path: ${framework}.gguf }\nbackends:\n  llama.cpp: { executable: ${llamaServer} }\n`,
      );
      const application = run(`embed-in-${framework}`, [directory, '0']);
      const url = await application.printed(/http:\/\/\S+/);
      assert.equal((await streamChat(`${url}/ai`, chatBody(framework))).text, `I am ${framework}.`);
      assert.equal(await (await fetch(url)).text(), 'The application');
      application.child.kill('SIGINT');
      assert.equal(await application.exited, 0, application.output());
    });

  it('the application that embeds Lamina chats and exits', async () => {
    await writeModels(directory, ['embedded']);
    await writeFile(
      join(directory, 'models.yaml'),
      `models:\n  embedded: { path: embedded.gguf }\nbackends:\n  llama.cpp: { executable: ${llamaServer} }\n`,
    );
    const application = run('embed', [directory, 'embedded']);
    assert.equal(await application.exited, 0);
    assert.match(application.output(), /embedded: starting → ready[^]*I am embedded\.[^]*embedded: stopping → stopped/);
  });
});

const withoutLlama = { PATH: directory, HOME: directory };

describeEmbedded('the demo on a machine without llama.cpp', function () {
  this.timeout(60_000);

  it('chats with the embedded engine', async () => {
    const demo = run('demo', ['--once', '--port', '0'], { ...withoutLlama, LAMINA_EMBEDDED: embeddedDirectory });
    assert.equal(await demo.exited, 0, demo.output());
    assert.match(demo.output(), /tiny.* Hello from the model tiny\.\n/);
  });
});

describe('the demo on a machine without llama.cpp and without a network', function () {
  this.timeout(60_000);

  it('prints one sentence with what to do', async () => {
    const demo = run('demo', ['--once', '--port', '0'], {
      ...withoutLlama,
      LAMINA_EMBEDDED: join(directory, 'engines'),
      npm_config_registry: 'http://127.0.0.1:1/',
      npm_config_cache: join(directory, 'npm'),
    });
    assert.equal(await demo.exited, 1);
    assert.match(
      demo.output(),
      /installing node-llama-cpp 3\.[^]*the npm registry cannot be reached\. Fix that and try again; or install it by hand with /,
    );
    assert.ok(!demo.output().includes('    at '), demo.output());
  });
});
