// A download where the Hub is only reachable through a proxy, as in many companies: the listing and the
// files.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina } from '@lamina/core';
import { hfSource } from '../dist/index.js';
import { HubServer } from './hub-server.js';

describe('the Hub behind a proxy', () => {
  const weights = Buffer.from('GGUF and so on');
  let hub: HubServer;
  let modelsDir: string;
  const proxy = createServer();
  const connectTargets = new Set<string>();
  const sockets = new Set<Socket>();

  before(async () => {
    hub = await HubServer.open({ 'org/name': { files: { 'm-Q4_K_M.gguf': weights } } });
    hub.cdnCalled = 'http://bytes.invalid';
    modelsDir = await mkdtemp(join(tmpdir(), 'lamina-proxy-'));
    const ports = new Map([
      ['hub.invalid:80', new URL(hub.url).port],
      ['bytes.invalid:80', new URL(hub.cdnUrl).port],
    ]);
    proxy.on('connect', ({ url }, client: Socket) => {
      connectTargets.add(url!);
      const upstream = connect(Number(ports.get(url!)), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await hub.close();
    await rm(modelsDir, { recursive: true });
  });

  it('is reached through the proxy of the environment, for the listing and the files', async () => {
    const env = {
      HTTP_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      HF_ENDPOINT: 'http://hub.invalid',
    };
    const lamina = await createLamina({ modelsDir, env, plugins: [hfSource()], log: 'silent' });
    try {
      const { id } = await lamina.downloads.start({ reference: 'org/name' });
      const { model } = await lamina.downloads.wait(id);
      const [file] = lamina.models.get(model)!.model.files;
      assert.deepEqual(await readFile(file!.path), weights);
      assert.deepEqual([...connectTargets].sort(), ['bytes.invalid:80', 'hub.invalid:80']);
    } finally {
      await lamina.close();
    }
  });
});
