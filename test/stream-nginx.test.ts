// Streams behind a real nginx with its defaults: each event reaches the client before the engine sends the next.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina, type Lamina } from '@lamina/core';
import { createServer, type Server } from '@lamina/server-koa';
import { chatBody, post } from './support/client.js';
import { describeWith, freePorts, nginx, startNginx, type Nginx } from './support/nginx.js';

describeWith({ nginx }, 'a stream of events behind nginx', function () {
  this.timeout(30_000);
  let folder: string;
  let engine: HttpServer;
  let sendNext: (() => void) | undefined;
  let lamina: Lamina;
  let server: Server;
  let proxy: Nginx;
  let url: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lamina-nginx-'));
    engine = createHttpServer((request, response) => {
      request.resume();
      if (request.method === 'GET') return void response.end('{"data":[]}');
      let count = 0;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      sendNext = () => void (++count < 4 ? response.write(`data: ${count}\n\n`) : response.end('data: [DONE]\n\n'));
      sendNext();
    }).listen(0, '127.0.0.1');
    await once(engine, 'listening');
    const base_url = `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
    lamina = await createLamina({
      modelsDir: folder,
      manifest: { backends: { there: { type: 'remote', base_url } }, models: { far: { backend: 'there' } } },
    });
    server = createServer(lamina, { port: 0 });
    const behind = await server.listen();
    const [port] = (await freePorts(1)) as [number];
    proxy = await startNginx(
      join(folder, 'nginx'),
      `server { listen 127.0.0.1:${port}; location / { proxy_pass ${behind}; } }`,
      port,
    );
    url = `http://127.0.0.1:${port}`;
  });

  after(async () => {
    await proxy.stop();
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    engine.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('arrive one by one', async () => {
    const answer = await post(`${url}/v1/chat/completions`, chatBody('far', 'hi', { stream: true }));
    const events: string[] = [];
    for await (const bytes of answer.body!) {
      events.push(Buffer.from(bytes as Uint8Array).toString());
      // The engine sends the next event only now: if this one were buffered, it would never arrive.
      sendNext!();
    }
    assert.deepEqual(events, ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n', 'data: [DONE]\n\n']);
  });
});
