// Another program on the engine's port: never used as the engine, and avoided where possible.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { ProcessDescription } from '../../dist/process/description.js';
import { isPortTaken, reservePort } from '../../dist/process/ports.js';
import { engineFile } from './engine.js';
import { EngineFixture } from './engine-fixture.js';

/** What a foreign server responds; `known` is true for the first key it saw, which is the engine's. */
type Respond = (path: string, isFirstKey: boolean) => number;

/** A program that is not the engine, and counts the requests for a path. */
class ForeignServer {
  private readonly server: Server;
  private requestCount = 0;
  private onRequest: () => void = () => undefined;

  constructor(respond: Respond, watchedPath: string) {
    let firstKey: string | undefined;
    this.server = createServer((request, response) => {
      firstKey ??= request.headers.authorization;
      response
        .writeHead(respond(request.url!, request.headers.authorization === firstKey), { connection: 'close' })
        .end('{}');
      if (request.url === watchedPath) this.requestCount += 1;
      this.onRequest();
    });
  }

  async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async untilRequested(times: number): Promise<void> {
    while (this.requestCount < times) await new Promise<void>((resolve) => (this.onRequest = resolve));
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

describe('a foreign server on the port of an engine', () => {
  let fixture: EngineFixture;
  const foreignServers: ForeignServer[] = [];
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(async () => {
    await fixture.close();
    await Promise.all(foreignServers.splice(0).map((foreignServer) => foreignServer.close()));
  });

  async function startForeignServer(port: number, respond: Respond, watchedPath: string): Promise<ForeignServer> {
    const foreignServer = new ForeignServer(respond, watchedPath);
    await foreignServer.listen(port);
    foreignServers.push(foreignServer);
    return foreignServer;
  }

  /** A command that lets a foreign server bind the port first, the given number of times. */
  function commandAfterForeignServers(times: number): ProcessDescription['command'] {
    return async ({ port, key }) => {
      fixture.ports.push(port);
      if (fixture.ports.length <= times) await startForeignServer(port, () => 200, '/');
      return { args: [engineFile, '{}', String(port)], env: { ENGINE_KEY: key } };
    };
  }

  const foreignBehaviours: readonly { does: string; respond: Respond; watchedPath: string; logged: RegExp }[] = [
    { does: 'responds 200 to everything', respond: () => 200, watchedPath: '/v1/models', logged: /accepts any key/ },
    {
      does: 'responds 401 to everything',
      respond: () => 401,
      watchedPath: '/health',
      logged: /\/health refuses the engine's key/,
    },
    {
      does: 'is healthy and requires another key',
      respond: (path) => (path === '/health' ? 200 : 401),
      watchedPath: '/v1/models',
      logged: /\/v1\/models refuses the engine's key/,
    },
    {
      does: 'fails on every key but the first',
      respond: (_, isFirstKey) => (isFirstKey ? 200 : 500),
      watchedPath: '/v1/models',
      logged: /^$/,
    },
    {
      does: 'does not have the route',
      respond: (path) => (path === '/health' ? 200 : 404),
      watchedPath: '/v1/models',
      logged: /^$/,
    },
  ];
  for (const { does, respond, watchedPath, logged } of foreignBehaviours) {
    it(`does not count as the engine when it ${does}`, async () => {
      const caller = new AbortController();
      const reason = new Error('long enough');
      const command: ProcessDescription['command'] = async ({ port }) => {
        const foreignServer = await startForeignServer(port, respond, watchedPath);
        void foreignServer.untilRequested(6).then(() => caller.abort(reason));
        return { args: [engineFile, '{"silent":true}', String(port)] };
      };
      assert.equal(await fixture.failure({}, { command }, caller.signal), reason);
      assert.match(fixture.logged.join(), logged);
    });
  }

  it('is avoided on another port, with another key', async () => {
    const keys = new Set<string>();
    const command = commandAfterForeignServers(2);
    const server = await fixture.start({}, { command: (launch) => (keys.add(launch.key), command(launch)) });
    assert.equal(new Set(fixture.ports).size, 3);
    assert.equal(keys.size, 3);
    assert.equal(server.endpoint().baseUrl, `http://127.0.0.1:${fixture.ports[2]}/v1`);
    assert.equal(server.info.verified, true);
  });

  it('ends the start when the third port is taken too', async () => {
    const error = await fixture.failure({}, { command: commandAfterForeignServers(Infinity) });
    assert.equal(fixture.ports.length, 3);
    assert.equal(
      error.details['reason'],
      `the engine ended with code 1: error: cannot bind port ${fixture.ports[2]}: EADDRINUSE`,
    );
    await fixture.assertNothingLeft();
  });

  it('does not cause another attempt after a failed load on a free port', async () => {
    await fixture.failure({ exit: { code: 1 } });
    assert.equal(fixture.ports.length, 1);
  });
});

describe('a port', () => {
  it('is reserved for one start at a time', async () => {
    const reservations = await Promise.all(Array.from({ length: 200 }, () => reservePort()));
    assert.equal(new Set(reservations.map(({ port }) => port)).size, 200);
    for (const { release } of reservations) release();
  });

  it('is taken while another program is bound to it', async () => {
    const { port, release } = await reservePort();
    assert.equal(await isPortTaken(port), false);
    const foreignServer = new ForeignServer(() => 200, '/');
    await foreignServer.listen(port);
    assert.equal(await isPortTaken(port), true);
    await foreignServer.close();
    release();
  });
});
