// The fetch function of plugins where the environment names a proxy: a real proxy that resolves every name to
// one server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { ProxiedFetch } from '../../dist/kernel/proxied-fetch.js';

interface ProxyTestSetup {
  /** Ports of the server behind the proxy and of the proxy, both on this machine. */
  readonly port: number;
  readonly proxy: string;
  /** The targets of CONNECT requests to the proxy. */
  readonly connectTargets: string[];
}

async function withProxy(
  respond: (request: IncomingMessage) => Promise<string> | string,
  run: (setup: ProxyTestSetup) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer(
    (request, response) => void Promise.resolve(respond(request)).then((body) => response.end(body)),
  );
  const proxy = createServer();
  const connectTargets: string[] = [];
  proxy.on('connect', ({ url }, client: Socket) => {
    connectTargets.push(url!);
    const upstream = connect(portOf(server), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
  });
  for (const one of [server, proxy]) await once(one.listen(0, '127.0.0.1'), 'listening');
  try {
    await run({ port: portOf(server), proxy: `127.0.0.1:${portOf(proxy)}`, connectTargets });
  } finally {
    for (const socket of sockets) socket.destroy();
    for (const one of [server, proxy]) {
      one.closeAllConnections();
      one.close();
    }
  }
}

describe('the fetch function of plugins', () => {
  it('is the global one when the environment names no proxy', () => {
    assert.equal(new ProxiedFetch({ NO_PROXY: 'x' }).fetch, globalThis.fetch);
  });

  it('uses the proxy for every kind of request', () =>
    withProxy(
      async (request) => `${request.method} ${request.url} ${String(request.headers['x-tell'])} ${await text(request)}`,
      async ({ proxy, connectTargets }) => {
        const proxied = new ProxiedFetch({ http_proxy: proxy });
        const headers = { 'x-tell': 'a' };
        assert.equal(
          await (await proxied.fetch('http://models.invalid/list?x=1', { headers })).text(),
          'GET /list?x=1 a ',
        );
        assert.equal(
          await (
            await proxied.fetch(new Request('http://models.invalid/', { method: 'POST', headers, body: 'said' }))
          ).text(),
          'POST / a said',
        );
        const form = await (
          await proxied.fetch(new URL('http://models.invalid/'), {
            method: 'PUT',
            headers,
            body: new URLSearchParams({ key: 'a b' }),
          })
        ).text();
        assert.equal(form, 'PUT / a key=a+b');
        assert.ok(
          connectTargets.length > 0 && connectTargets.every((host) => host === 'models.invalid:80'),
          connectTargets.join(),
        );
        await proxied.close();
      },
    ));

  it('connects directly to this machine, and to the hosts in NO_PROXY', () =>
    withProxy(
      () => 'here',
      async ({ port, proxy, connectTargets }) => {
        const proxied = new ProxiedFetch({ HTTP_PROXY: `http://${proxy}` });
        for (const host of ['127.0.0.1', 'localhost'])
          assert.equal(await (await proxied.fetch(`http://${host}:${port}/`)).text(), 'here');
        await proxied.close();
        const never = new ProxiedFetch({ HTTP_PROXY: `http://${proxy}`, no_proxy: '.invalid' });
        await assert.rejects(never.fetch('http://models.invalid/'), TypeError);
        await never.close();
        assert.deepEqual(connectTargets, []);
      },
    ));

  it('aborts with the signal of its caller', () =>
    withProxy(
      () => new Promise<never>(() => undefined),
      async ({ proxy }) => {
        const proxied = new ProxiedFetch({ HTTP_PROXY: proxy });
        const caller = new AbortController();
        const reason = new Error('enough');
        const response = proxied.fetch('http://models.invalid/', { signal: caller.signal });
        caller.abort(reason);
        await assert.rejects(response, reason);
        await proxied.close();
      },
    ));

  it('reports an invalid proxy address without quoting a possible password', async () => {
    const proxied = new ProxiedFetch({ HTTPS_PROXY: 'user:secret@:x' });
    await assert.rejects(proxied.fetch('https://models.invalid/'), (error: Error) => {
      const { message } = error.cause as Error;
      return error instanceof TypeError && message.includes('is not a valid URL') && !message.includes('secret');
    });
    await proxied.close();
  });
});

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
