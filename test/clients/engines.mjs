// The engines that clients are tried on: one lamina-server each, with a model for text and one for embeddings.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyGguf } from '@lamina/testing';
import { stringify } from 'yaml';
import { embeddedDirectory, llamaServer } from '../dist/support/engine.js';
import { startServer } from '../dist/support/server-process.js';

/** What the models answer. */
export const says = 'Hello from the model tiny.';
/** The key that the servers require. */
export const apiKey = 'a-key-of-the-test';

const llamaCpp = {
  name: 'llama.cpp',
  backend: 'llama.cpp',
  options: { executable: llamaServer, threads: 1, context_length: 2048 },
  absent: llamaServer === undefined && 'no llama-server; name one with LAMINA_LLAMA_SERVER',
};
/** For APIs that an engine has itself, and that a plugin can translate for all engines. */
const translated = {
  ...llamaCpp,
  name: 'llama.cpp, translated',
  configuration: { options: { 'anthropic-api': { translate: 'always' } } },
};
const engines = [
  llamaCpp,
  {
    name: 'embedded',
    backend: 'embedded',
    options: { directory: embeddedDirectory, threads: 1, context_length: 2048 },
    absent:
      embeddedDirectory === undefined && 'LAMINA_EMBEDDED is not set; scripts/get-embedded.mjs installs the engine',
  },
];
const servers = new Map();

after(() => Promise.all([...servers.values()].map(async (server) => (await server).close())));

/**
 * A suite of a client for each engine: `define({ server, unless })`. `server.url` is set before its tests;
 * `unless(engine, reason)` skips a test on that engine: `unless('embedded', 'no messages')('feature', async () => …)`.
 * `withTranslation` adds llama.cpp behind the plugin for the client's API.
 */
export function describeClient(client, define, { withTranslation = false } = {}) {
  describe(client, () => {
    for (const engine of withTranslation ? [...engines, translated] : engines)
      describe(engine.name, function () {
        this.timeout(60_000);
        if (engine.absent) return void it(`everything (skipped: ${engine.absent})`);
        const server = { engine: engine.name };
        before(async () => void (server.url = (await serverOf(engine)).url));
        const unless = (name, reason) =>
          name === engine.name ? (feature) => it(`${feature} (skipped: ${reason})`) : it;
        define({ server, unless });
      });
  });
}

function serverOf(engine) {
  if (!servers.has(engine.name)) servers.set(engine.name, open(engine));
  return servers.get(engine.name);
}

async function open({ backend, options, configuration = {} }) {
  const directory = await mkdtemp(join(tmpdir(), 'lamina-clients-'));
  const model = { path: 'tiny.gguf', backend };
  const pooling = backend === 'llama.cpp' ? { pooling: 'mean' } : {};
  const manifest = {
    backends: { [backend]: options },
    models: { chat: model, embed: { ...model, options: { embeddings: true, ...pooling } } },
  };
  await Promise.all([
    tinyGguf(join(directory, 'tiny.gguf')),
    writeFile(join(directory, 'models.yaml'), stringify(manifest)),
    writeFile(join(directory, 'keys'), `${apiKey}\n`, { mode: 0o600 }),
    writeFile(join(directory, 'lamina.config.yaml'), stringify(configuration)),
  ]);
  const server = await startServer([
    ...['--models-dir', directory, '--api-key-file', join(directory, 'keys')],
    ...['--config', join(directory, 'lamina.config.yaml'), '--max-loaded', '2', '--log-level', 'warn'],
  ]);
  const close = async () => {
    server.kill('SIGTERM');
    await server.exited;
    await rm(directory, { recursive: true });
  };
  return { url: server.url, close };
}
