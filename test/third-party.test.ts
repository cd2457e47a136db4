// A plugin of somebody else (third-party/), in a folder of its own: packed and installed by npm in an empty project with
// the packed packages of Lamina. Both programs find it there.
import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { tinyGguf } from '@lamina/testing';
import { WebSocket } from 'ws';
import { chatBody } from './support/client.js';
import { pack, packedPackages } from './support/packed.js';
import { root } from './support/root.js';

const run = promisify(execFile);
/** What is read of an OpenAPI document. */
interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

interface OpenApiOperation {
  readonly summary?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly responses: Readonly<
    Record<
      string,
      { readonly content?: Readonly<Record<string, { readonly schema: { readonly properties?: object } }>> }
    >
  >;
}

const installedPackages = ['core', 'config', 'client', 'cli', 'server-koa', 'plugin-llamacpp'].map(
  (name) => `@lamina/${name}`,
);
const guide = readFileSync(join(root, 'docs/guide/compose-a-server.md'), 'utf8');

describe("somebody else's plugin, installed from its tarball", function () {
  this.timeout(180_000);
  let directory: string;
  let app: string;

  before(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'lamina-third-party-')));
    const source = join(directory, 'acme');
    app = join(directory, 'app');
    for (const file of ['package.json', 'engine.mjs'])
      await cp(join(root, 'test/third-party', file), join(source, file), { recursive: true });
    await cp(fileURLToPath(new URL('third-party/index.js', import.meta.url)), join(source, 'dist/index.js'));
    const [own] = (await pack(source)).values();
    const packed = await packedPackages();
    await mkdir(join(app, 'models'), { recursive: true });
    await writeFile(join(app, 'package.json'), '{ "private": true }');
    const tarballs = [...installedPackages.map((name) => packed.get(name)!), own!];
    const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
    await run('npm', ['install', ...flags, ...tarballs], { cwd: app });
    await tinyGguf(join(app, 'models/small.gguf'), { name: 'small' });
    await writeFile(join(app, 'models/models.yaml'), 'models:\n  small: { path: small.gguf, backend: acme }\n');
  });
  after(() => rm(directory, { recursive: true }));

  const bin = (name: string) => join(app, 'node_modules/.bin', name);
  /** From another folder, because the working directory decides nothing. */
  const lamina = async (...args: string[]) =>
    (await run(bin('lamina'), [...args, '--models-dir', join(app, 'models')], { cwd: tmpdir() })).stdout;

  describe('lamina', () => {
    it('lists it with what it contributes, its backend, and its command', async () => {
      const { plugins } = JSON.parse(await lamina('plugins', '--json')) as { plugins: Record<string, unknown>[] };
      assert.deepEqual(
        plugins.map((plugin) => plugin['package']),
        ['@lamina/plugin-llamacpp', 'lamina-plugin-acme'],
      );
      const { name, version, from, loaded, backends, commands, extensions } = plugins[1]!;
      assert.deepEqual(
        { name, version, from, loaded, backends, commands },
        {
          name: 'acme',
          version: '1.0.0',
          from: 'discovery',
          loaded: true,
          backends: ['acme'],
          commands: ['acme-count'],
        },
      );
      assert.deepEqual(extensions, [
        { point: 'command', read: true },
        { point: 'http', read: true },
      ]);
      assert.match(await lamina('list'), /^small +available .* acme$/m);
      assert.match(await lamina('--help'), /\nPlugins:\n {2}acme-count +Count the models that acme can run\n/);
    });

    it('runs its command', async () => {
      assert.equal(await lamina('acme-count', '--format', 'gguf'), '1 model has the format gguf.\n');
      assert.deepEqual(JSON.parse(await lamina('acme-count', '--json')), { count: 1 });
    });
  });

  describe('lamina-server', () => {
    let server: ChildProcess;
    let url: string;

    before(async () => {
      await writeFile(join(app, 'keys'), 'for-all name=owner\nfor-chats inference name=phone\n');
      const args = ['--models-dir', join(app, 'models'), '--port', '0', '--api-key-file', join(app, 'keys')];
      server = spawn(bin('lamina-server'), args, { cwd: tmpdir() });
      let log = '';
      server.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
      const [line] = (await Promise.race([
        once(server.stdout!.setEncoding('utf8'), 'data'),
        once(server, 'exit').then(() => [log]),
      ])) as [string];
      url = /http:\S+/.exec(line)?.[0] ?? assert.fail(line);
    });
    after(async () => {
      const ended = once(server, 'exit');
      server.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
    });

    const withKey = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

    it('serves chats with its backend', async () => {
      const body = JSON.stringify(chatBody('small', 'hi', { stream: true }));
      const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body, ...withKey('for-chats') });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /"Acme"[^]*" says"[^]*" hello\."[^]*\[DONE\]/);
    });

    it('serves its route to keys with the scope of the route', async () => {
      const statusOf = async (key: string) => (await fetch(`${url}/acme/gguf`, withKey(key))).status;
      assert.deepEqual([await statusOf('wrong'), await statusOf('for-chats')], [401, 403]);
      const response = await fetch(`${url}/acme/gguf`, withKey('for-all'));
      assert.deepEqual([response.status, await response.json()], [200, { models: ['small'] }]);
    });

    it('describes the route in /openapi.json, with its scope and its response', async () => {
      const document = (await (await fetch(`${url}/openapi.json`, withKey('for-chats'))).json()) as OpenApi;
      const { summary, security, responses } = document.paths['/acme/{format}']!['get']!;
      assert.equal(summary, 'The models of a format');
      assert.ok(security.every((scheme) => Object.values(scheme)[0]![0] === 'manage') && security.length > 0);
      assert.ok('models' in responses['200']!.content!['application/json']!.schema.properties!);
    });

    it('handles its frame for keys with the scope of the frame', async () => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'lamina.v1', withKey('for-chats'));
      await once(socket, 'message'); // hello
      socket.send(JSON.stringify({ type: 'acme.echo', id: '1', text: 'Hello' }));
      const [data] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      await once(socket, 'close');
      const { type, id, result } = JSON.parse(data.toString()) as { type: string; id: string; result: object };
      assert.deepEqual([type, id], ['reply', '1']);
      assert.deepEqual({ ...result }, { text: 'Hello', key: 'phone' });
    });
  });

  describe('the guide to composing a server', () => {
    const blocks = (language: string) =>
      [...guide.matchAll(new RegExp(`\n\`\`\`${language}\n([^]*?)\`\`\`\n`, 'g'))].map(([, text]) => text!);

    it('installs packages that exist, and runs commands that work', async () => {
      const lines = blocks('sh').flatMap((text) => text.trim().split('\n'));
      const packages = lines.flatMap((line) => /^npm install (.*)/.exec(line)?.[1]!.split(' ') ?? []);
      assert.deepEqual(
        packages.filter((name) => !installedPackages.includes(name)),
        [],
      );
      const commands = lines.filter((line) => !line.startsWith('npm') && !line.includes('lamina-server'));
      assert.equal(commands.length, 2);
      for (const command of commands) await run('sh', ['-c', command.replace('npx', 'npx --no')], { cwd: app });
    });

    it('has configurations that both programs read', async () => {
      const configurations = [
        ...blocks('yaml').map((text) => ['lamina.config.yaml', text]),
        ...blocks('js').map((text) => ['lamina.config.mjs', text]),
      ] as const;
      assert.equal(configurations.length, 3);
      for (const [name, text] of configurations) {
        const file = join(app, name!);
        await writeFile(file, text!);
        const { plugins } = JSON.parse(await lamina('plugins', '--json')) as { plugins: Record<string, unknown>[] };
        assert.ok(plugins.every(({ loaded }) => loaded === true) && plugins.length > 0);
        assert.match(await lamina('config'), new RegExp(`^Configuration file: ${file}\n`));
        await rm(file);
      }
    });

    it('quotes programs of examples/, which other tests run', () => {
      const quoted = [...guide.matchAll(/<!-- file: examples\/\S+ -->\n+```ts\n/g)];
      assert.deepEqual([quoted.length, blocks('ts').length], [4, 4]);
    });
  });
});
