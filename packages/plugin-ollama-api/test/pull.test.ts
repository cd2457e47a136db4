import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LaminaError, type Plugin } from '@lamina/core/plugin';
import { OllamaServer } from './ollama-server.js';

const content = Buffer.alloc(256 * 1024, 'weights');
const sha256 = createHash('sha256').update(content).digest('hex');

/** Sends the files; `hold` keeps the second half back until it resolves. */
class Files {
  hold: Promise<void> | undefined;
  private constructor(readonly server: Server) {}

  static async open(): Promise<Files> {
    const files = new Files(createServer());
    files.server.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void files.send(request, response),
    );
    files.server.listen(0, '127.0.0.1');
    await once(files.server, 'listening');
    return files;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private async send({ headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, start = '0', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
    const part = content.subarray(Number(start), end === '' ? undefined : Number(end) + 1);
    const range = `bytes ${start}-${Number(start) + part.length - 1}/${content.length}`;
    const status = headers.range === undefined ? 200 : 206;
    response.writeHead(status, { 'content-length': part.length, 'content-range': range, etag: '"1"' });
    response.write(part.subarray(0, part.length / 2));
    await this.hold;
    response.end(part.subarray(part.length / 2));
  }
}

/** A source that knows Ollama's names: `tiny2` is a model, all others are missing. */
function ollamaNames(files: Files): Plugin {
  return {
    name: 'ollama-names',
    setup(lamina) {
      lamina.addSource({
        name: 'ollama',
        resolve(reference) {
          const { model } = reference as { model: string };
          if (!model.startsWith('tiny2'))
            throw new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: 'ollama', reference: model, hint: '' });
          const planned = { path: 'tiny2.fake', bytes: content.length, sha256, from: { key: 'tiny2' } };
          const entry = { path: 'tiny2.fake', backend: 'fake' };
          return Promise.resolve({ source: 'ollama', reference, name: 'tiny2:latest', model: entry, files: [planned] });
        },
        locate: () => Promise.resolve({ url: `http://${files.host}/tiny2` }),
      });
    },
  };
}

/** What arrives until the response ends or is cut. */
async function received({ body }: Response): Promise<string> {
  let text = '';
  try {
    for await (const part of body!) text += Buffer.from(part as Uint8Array).toString();
  } catch {
    // It is cut.
  }
  return text;
}

describe('POST /api/pull', function () {
  this.timeout(20_000);
  let files: Files;
  let server: OllamaServer;
  beforeEach(async () => {
    files = await Files.open();
    const downloads = { allowedHosts: [files.host] };
    server = await OllamaServer.open({ plugins: [ollamaNames(files)], downloads } as never);
  });
  afterEach(async () => {
    await server.close();
    files.close();
  });

  /** A client that has its first line. */
  async function follow(): Promise<{ leave(): void; readonly text: Promise<string> }> {
    const client = new AbortController();
    const body = JSON.stringify({ model: 'tiny2' });
    const response = await fetch(new URL('/api/pull', server.url), { method: 'POST', body, signal: client.signal });
    return { leave: () => client.abort(), text: received(response) };
  }

  /** Keeps the second halves of files back until it is called. */
  function hold(): () => void {
    let release: () => void = () => undefined;
    files.hold = new Promise((resolve) => (release = resolve));
    return release;
  }

  it('downloads a model by its name, with progress, and ends with success', async () => {
    const { status, type, lines } = await server.post('/api/pull', { model: 'tiny2', insecure: true });
    assert.deepEqual([status, type], [200, 'application/x-ndjson; charset=utf-8']);
    assert.deepEqual(lines[0], { status: 'pulling manifest' });
    assert.deepEqual(lines.at(-1), { status: 'success' });
    const layers = lines.filter(({ digest }) => digest !== undefined);
    assert.deepEqual(
      [...new Set(layers.map(({ digest, total }) => `${digest} ${total}`))].map((layer) =>
        /^sha256:[0-9a-f]{64} 262144$/.test(layer),
      ),
      [true],
    );
    assert.equal(layers.at(-1)!.completed, content.length);
    const { message } = await server.one('/api/chat', { model: 'TINY2', messages: [{ role: 'user', content: 'a' }] });
    assert.match(message.content, /^tiny2:latest: 1/);
  });

  it('responds with the last line only without a stream, and at once for a model that is here', async () => {
    assert.deepEqual(await server.one('/api/pull', { name: 'tiny2' }), { status: 'success' });
    assert.deepEqual((await server.post('/api/pull', { name: 'tiny' })).lines, [{ status: 'success' }]);
  });

  it('says that there is no such model', async () => {
    const { status, lines } = await server.post('/api/pull', { model: 'none' });
    assert.equal(status, 404);
    assert.match(lines[0].error, /^The source ollama has no model "none"/);
  });

  it('ends with an error when the download fails', async () => {
    content.write('damaged');
    const { text } = await follow();
    assert.match(await text, /\n\{"error":"Checksum mismatch for .*"\}\n$/);
    content.write('weights');
  });

  it('pauses the download when its client leaves, and resumes it with the next pull', async () => {
    const release = hold();
    const client = await follow();
    const paused = server.lamina.events.once('download.paused', { signal: AbortSignal.timeout(10_000) });
    client.leave();
    await paused;
    release();
    const { id } = server.lamina.downloads.list()[0]!;
    assert.deepEqual(await server.one('/api/pull', { model: 'tiny2' }), { status: 'success' });
    assert.deepEqual(
      server.lamina.downloads.list().map((download) => [download.id, download.state]),
      [[id, 'finished']],
    );
  });

  it('continues the download while another client waits for it', async () => {
    const release = hold();
    const [first, second] = [await follow(), await follow()];
    first.leave();
    await first.text;
    release();
    assert.match(await second.text, /\{"status":"success"\}\n$/);
  });

  it('leaves a download alone that others have started', async () => {
    const release = hold();
    const { id } = await server.lamina.downloads.start({ reference: { model: 'tiny2' }, source: 'ollama' });
    const client = await follow();
    client.leave();
    await client.text;
    release();
    assert.equal((await server.lamina.downloads.wait(id)).state, 'finished');
  });
});
