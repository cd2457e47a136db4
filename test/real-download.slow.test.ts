// Downloads from real servers: the server and Lamina are killed in between; the model is complete and chats
// in the end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { createLamina, type Lamina, type ModelEntry } from '@lamina/core';
import type { Json } from '@lamina/core/plugin';
import { tinyGguf } from '@lamina/testing';
import { hfSource } from '@lamina/plugin-hf-source';
import { ollamaSource } from '@lamina/plugin-ollama-source';
import { createServer } from '@lamina/server-koa';
import { chatBody, streamChat } from './support/client.js';
import { llamaServer, realLlama } from './support/engine.js';
import { describeWith, dockerRegistry, freePorts, nginx, startNginx } from './support/nginx.js';
import { hubCommit, NginxHub } from './support/nginx-hub.js';
import { RealRegistry } from './support/registry.js';

/** A server that has a model. */
interface Counterpart {
  readonly reference: Json;
  /** The address of the Hub; an unused one where the model is elsewhere. */
  readonly endpoint?: string;
  /** The manifest entry of the model besides path and size. */
  readonly entry: Partial<ModelEntry>;
  crash(): Promise<void>;
  close(): Promise<void>;
}

type Open = (folder: string, files: readonly string[], bytesPerSecond: number) => Promise<Counterpart>;

const openFiles: Open = async (folder, [file], bytesPerSecond) => {
  const [port] = (await freePorts(1)) as [number];
  const server = await startNginx(
    folder,
    `server { listen 127.0.0.1:${port}; root ${dirname(file!)}; limit_rate ${bytesPerSecond}; }`,
    port,
  );
  const reference = { url: `http://127.0.0.1:${port}/${basename(file!)}`, sha256: sha256Of(file!) };
  return {
    reference,
    entry: { digest: `sha256:${reference.sha256}`, download: { url: reference } },
    crash: () => server.crash(),
    close: () => server.stop(),
  };
};

const openHub: Open = async (folder, files, bytesPerSecond) => {
  const hub = await NginxHub.open(folder, files, { bytesPerSecond });
  const entry = {
    digest: `sha256:${sha256Of(files[0]!)}`,
    revision: hubCommit,
    quantization: 'Q8_0',
    download: { huggingface: 'org/tiny:Q8_0' },
  };
  return { reference: 'org/tiny:Q8_0', endpoint: hub.url, entry, crash: () => hub.crash(), close: () => hub.close() };
};

const openRegistry: Open = async (folder, [file], bytesPerSecond) => {
  const registry = await RealRegistry.open(folder, { bytesPerSecond });
  await registry.push(
    'library/tiny:1b',
    [
      ['model', readFileSync(file!)],
      ['params', '{"temperature":0,"num_ctx":512}'],
    ],
    { file_type: 'F32' },
  );
  const reference = { model: `${registry.host}/library/tiny:1b` };
  const entry = {
    digest: `sha256:${sha256Of(file!)}`,
    options: { context_length: 512 },
    download: { ollama: { ...reference, parameters: { temperature: 0, num_ctx: 512 } } },
  };
  return { reference, entry, crash: () => registry.crash(), close: () => registry.close() };
};

describeWith(
  { nginx, 'docker-registry': dockerRegistry, 'llama-server': llamaServer },
  'a model downloaded from a real server',
  function () {
    this.timeout(90_000);
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'lamina-pull-'))));
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const counterparts: readonly (readonly [what: string, open: Open, name: string, shards: number])[] = [
      ['nginx', openFiles, 'tiny.gguf', 1],
      ['a Hugging Face Hub of nginx, in shards', openHub, 'tiny-Q8_0.gguf', 2],
      ["Debian's docker-registry behind redirects of nginx, as Ollama's", openRegistry, 'tiny.gguf', 1],
    ];
    for (const [what, open, name, shards] of counterparts) {
      it(`from ${what} survives crashes of the server and of Lamina, is verified, and chats`, async () => {
        const { says, paths } = await tinyGguf(join(folder, name), {
          name: 'tiny',
          say: ' I am tiny.',
          layers: 4,
          embeddingLength: 512,
          shards,
        });
        const total = paths.reduce((sum, path) => sum + statSync(path).size, 0);
        const counterpart = await open(join(folder, 'server'), paths, Math.round(total / 40));
        try {
          await pullAndKill(counterpart, join(folder, 'models'), total);
          const lamina = await openLamina(counterpart, join(folder, 'models'));
          const laminaServer = createServer(lamina, { port: 0 });
          try {
            await finish(lamina, counterpart, total);
            const placed = readdirSync(join(folder, 'models/tiny')).map((file) => join(folder, 'models/tiny', file));
            assert.deepEqual(placed.map(sha256Of).sort(), paths.map(sha256Of).sort());
            const { text } = await streamChat(
              await laminaServer.listen(),
              chatBody('tiny', 'hi', { max_tokens: 16, temperature: 0 }),
            );
            assert.ok(text.includes(says.trim()), text);
          } finally {
            await laminaServer.close();
            await lamina.close();
          }
        } finally {
          await counterpart.close();
        }
      });
    }
  },
);

/**
 * Pulls in another process; kills the server after an eighth, and that process when its journal has recorded
 * bytes.
 */
async function pullAndKill(
  { reference, endpoint = 'http://127.0.0.1:9', crash }: Counterpart,
  modelsDir: string,
  total: number,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'support/puller.js'), modelsDir, endpoint, JSON.stringify(reference)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let cut = false;
  for await (const lines of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    const done = Number(lines.trim().split('\n').at(-1));
    if (!cut && done > total / 8) {
      cut = true;
      await crash();
    }
    if (cut && kept(modelsDir) > 0) child.kill('SIGKILL');
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.deepEqual([cut, child.signalCode], [true, 'SIGKILL']);
}

/** The bytes on disk according to the journal of the only download. */
function kept(modelsDir: string): number {
  const root = join(modelsDir, '.downloads');
  const { files } = JSON.parse(readFileSync(join(root, readdirSync(root)[0]!, 'journal.json'), 'utf8')) as {
    files: { held: [number, number][] }[];
  };
  return files.flatMap(({ held }) => held).reduce((sum, [from, to]) => sum + to - from, 0);
}

function openLamina({ endpoint = 'http://127.0.0.1:9' }: Counterpart, modelsDir: string): Promise<Lamina> {
  return createLamina({
    modelsDir,
    log: 'silent',
    plugins: [realLlama(), hfSource({ endpoint, adopt: false }), ollamaSource({ adopt: false })],
  });
}

async function finish(lamina: Lamina, { entry }: Counterpart, total: number): Promise<void> {
  const [job] = lamina.downloads.list();
  assert.ok(job!.done > 0 && job!.done < total, `${job!.done} of ${total} bytes were kept`);
  await lamina.downloads.wait(job!.id);
  const written = lamina.models.get('tiny')!.entry;
  assert.equal(written.backend, 'llama.cpp');
  for (const [key, value] of Object.entries(entry)) assert.deepEqual(written[key as keyof ModelEntry], value);
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
