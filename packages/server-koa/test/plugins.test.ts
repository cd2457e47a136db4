// lamina-server with the plugins and the configuration file of the project that it belongs to.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { settings } from '@lamina/config';
import type { ServerConfig, ServerOptions } from '@lamina/server-koa';
import { CommandRun } from './support/command.js';

const ownPackage = fileURLToPath(new URL('..', import.meta.url));

describe('lamina-server in a project', function () {
  this.timeout(60_000);
  let directory: string;

  beforeEach(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), 'lamina-project-')));
    const dependencies = { '@lamina/server-koa': '*', broken: '*', greeter: '*' };
    await writeFile(join(directory, 'package.json'), JSON.stringify({ dependencies }));
    await mkdir(join(directory, 'node_modules/@lamina'), { recursive: true });
    await symlink(ownPackage, join(directory, 'node_modules/@lamina/server-koa'));
    for (const [name, code] of [
      ['broken', "throw new Error('no licence');"],
      [
        'greeter',
        "export default (options) => ({ name: 'greeter', schema: {}, options, setup({ log }, { text }) { log.warn(text); } });",
      ],
    ] as const) {
      const folder = join(directory, 'node_modules', name);
      await mkdir(folder);
      const json = { name, type: 'module', keywords: ['lamina-plugin'], lamina: { plugin: './main.js' } };
      await writeFile(join(folder, 'package.json'), JSON.stringify(json));
      await writeFile(join(folder, 'main.js'), code);
    }
    await mkdir(join(directory, 'models'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('loads the plugins that are found, reports one that fails, and says that there is no engine', async () => {
    const config = 'modelsDir: models\nserver: { port: 0 }\noptions: { greeter: { text: Good morning } }\n';
    await writeFile(join(directory, 'lamina.config.yaml'), config);
    const bin = join(directory, 'node_modules/@lamina/server-koa/bin/lamina-server.js');
    const server = new CommandRun(process.execPath, [bin], { cwd: tmpdir() });
    await server.url();
    assert.deepEqual((await server.line({ event: 'plugins.loaded' }))['plugins'], ['greeter']);
    await server.line({ plugin: 'greeter', msg: 'Good morning' });
    const { msg } = await server.line({ event: 'plugin.not_loaded', package: 'broken' });
    assert.equal(msg, 'The plugin broken was found but is not loaded: no licence');
    const none = await server.line({ event: 'backends.none' });
    assert.equal(
      none.msg,
      'No plugin for an engine is loaded, so no model can run. Install one, such as: npm install @lamina/plugin-llamacpp',
    );
    await server.stop();
  });

  it('can be configured with every option of createServer, in a file', () => {
    // The compiler finds an option that is missing here.
    const options: Record<keyof ServerOptions | keyof NonNullable<ServerConfig['server']>, true> = {
      host: true,
      port: true,
      apiKeys: true,
      apiKeyFile: true,
      allowUnauthenticated: true,
      allowedHosts: true,
      cors: true,
      autoDownload: true,
      bodyLimit: true,
      bodyMemoryLimit: true,
      chatLimit: true,
      maxConnections: true,
      maxConnectionsPerAddress: true,
      heartbeatInterval: true,
      resumeTimeout: true,
    };
    const keys = settings.flatMap(({ key }) => (key.startsWith('server.') ? key.slice('server.'.length) : []));
    assert.deepEqual(keys.sort(), Object.keys(options).sort());
  });
});
