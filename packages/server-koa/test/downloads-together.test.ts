// Downloads that meet: many that end at the same moment, and requests for one that is being paused, resumed or
// cancelled.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { errorOf, startTestServer, type TestServer } from './support/test-server.js';

interface View {
  readonly id: string;
  readonly model: string;
  readonly state: string;
}

describe('concurrent downloads over HTTP', function () {
  this.timeout(60_000);
  let testServer: TestServer;
  let files: Server;
  let origin: string;
  let waiting: (() => void)[];
  let gated: boolean;

  beforeEach(async () => {
    waiting = [];
    gated = true;
    files = createServer((request, response) => {
      const content = Buffer.from(`GGUF ${request.url}`);
      const probe = request.headers.range === 'bytes=0-0';
      const range = probe ? { 'content-range': `bytes 0-0/${content.length}` } : {};
      response.writeHead(probe ? 206 : 200, { 'content-length': probe ? 1 : content.length, ...range });
      response.flushHeaders();
      if (probe) response.end('G');
      else if (gated) waiting.push(() => response.end(content));
      else response.end(content);
      files.emit('came');
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    origin = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
    testServer = await startTestServer({
      lamina: { downloads: { maxConcurrent: 8, connections: 16, retryDelay: 0.01 } },
    });
  });

  afterEach(async () => {
    for (const end of waiting) end();
    await testServer.close();
    files.closeAllConnections();
    files.close();
    await once(files, 'close');
  });

  const start = (name: string) => testServer.post('/download', { reference: `${origin}/${name}.gguf`, name });
  const view = async (response: Response): Promise<View> => {
    assert.equal(response.status, 202, await response.clone().text());
    return (await response.json()) as View;
  };
  const untilWaiting = async (count: number) => {
    while (waiting.length < count) await once(files, 'came');
  };
  const release = () => waiting.splice(0).forEach((end) => end());
  const post = (id: string, verb: string) => testServer.post(`/downloads/${id}/${verb}`, '');
  const remove = (id: string) => fetch(`${testServer.url}/downloads/${id}`, { method: 'DELETE' });

  it('all finish, and none is lost from the list of known files', async () => {
    const names: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const these = Array.from({ length: 8 }, (_, index) => `m${round}-${index}`);
      names.push(...these);
      const started = await Promise.all(these.map(async (name) => view(await start(name))));
      await untilWaiting(8);
      release();
      await Promise.all(started.map(({ id }) => testServer.lamina.downloads.wait(id)));
    }
    const dataDir = join(dirname(testServer.modelsDir), 'data');
    const known = JSON.parse(readFileSync(join(dataDir, 'known-files.json'), 'utf8')) as { path: string }[];
    assert.deepEqual(
      known.map(({ path }) => path).sort(),
      names.map((name) => join(testServer.modelsDir, name, `${name}.gguf`)).sort(),
    );
    for (const folder of [dataDir, testServer.modelsDir])
      assert.deepEqual(
        readdirSync(folder).filter((name) => /\.(tmp|new|part)$/.test(name)),
        [],
      );
  });

  it('start again when they are requested while they are cancelled', async () => {
    for (let round = 0; round < 10; round += 1) {
      const name = `again-${round}`;
      const first = await view(await start(name));
      if (round % 2 === 0) await post(first.id, 'pause');
      const [removed, second] = await Promise.all([remove(first.id), start(name)]);
      assert.equal(removed.status, 204);
      const { id } = await view(second);
      assert.notEqual(id, first.id);
      gated = false;
      release();
      await testServer.lamina.downloads.wait(id);
      gated = true;
      assert.deepEqual(readdirSync(join(testServer.modelsDir, '.downloads')), []);
    }
  });

  it('accept any mixture of pause, resume, cancel and start without an internal error', async () => {
    const verbs = ['pause', 'resume', 'start', 'remove', 'pause', 'start', 'resume', 'remove', 'start'];
    for (let round = 0; round < verbs.length; round += 1) {
      const name = `mixed-${round}`;
      const { id } = await view(await start(name));
      const turned = [...verbs.slice(round), ...verbs.slice(0, round)];
      const answers = await Promise.all(
        turned.map((verb) => (verb === 'start' ? start(name) : verb === 'remove' ? remove(id) : post(id, verb))),
      );
      for (const [index, answer] of answers.entries()) {
        const allowed = answer.ok || answer.status === 404 || answer.status === 409;
        assert.ok(
          allowed,
          `${turned[index]}: ${answer.status} ${answer.ok ? '' : JSON.stringify(await errorOf(answer))}`,
        );
      }
      gated = false;
      release();
      await testServer.lamina.downloads
        .wait((await view(await start(name))).id)
        .catch((error: unknown) => assert.fail(String(error)));
      gated = true;
    }
  });

  it('are one when the same is requested many times at once', async () => {
    const views = await Promise.all(Array.from({ length: 12 }, async () => view(await start('one'))));
    assert.equal(new Set(views.map(({ id }) => id)).size, 1);
    await untilWaiting(1);
    release();
    await testServer.lamina.downloads.wait(views[0]!.id);
  });

  it('of different files with one name are never confused', async () => {
    const answers = await Promise.all(
      ['a', 'b'].map((folder) =>
        testServer.post('/download', { reference: `${origin}/${folder}/same.gguf`, name: 'same' }),
      ),
    );
    assert.deepEqual(answers.map(({ status }) => status).sort(), [202, 409]);
  });
});
