// Another program on the engine's port: never used as the engine, and avoided where possible.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { ProcessDescription } from '../../dist/process/description.js';
import { isPortTaken, reservePort } from '../../dist/process/ports.js';
import { engineFile } from './engine.js';
import { EngineFixture } from './engine-fixture.js';

/** What a foreign server responds; `known` is true for the first key it saw, which is the engine's. */
type Answer = (path: string, known: boolean) => number;

/** A program that is not the engine, and counts the requests for a path. */
class Stranger {
  private readonly server: Server;
  private asked = 0;
  private wake: () => void = () => undefined;

  constructor(answer: Answer, watched: string) {
    let firstKey: string | undefined;
    this.server = createServer((request, response) => {
      firstKey ??= request.headers.authorization;
      response
        .writeHead(answer(request.url!, request.headers.authorization === firstKey), { connection: 'close' })
        .end('{}');
      if (request.url === watched) this.asked += 1;
      this.wake();
    });
  }

  async listen(port: number): Promise<void> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async untilAsked(times: number): Promise<void> {
    while (this.asked < times) await new Promise<void>((resolve) => (this.wake = resolve));
  }

  async close(): Promise<void> {
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

describe('a foreign server on the port of an engine', () => {
  let fixture: EngineFixture;
  const strangers: Stranger[] = [];
  beforeEach(() => (fixture = new EngineFixture()));
  afterEach(async () => {
    await fixture.close();
    await Promise.all(strangers.splice(0).map((stranger) => stranger.close()));
  });

  async function strangerOn(port: number, answer: Answer, watched: string): Promise<Stranger> {
    const stranger = new Stranger(answer, watched);
    await stranger.listen(port);
    strangers.push(stranger);
    return stranger;
  }

  /** A command that lets a foreign server bind the port first, the given number of times. */
  function beatenTo(times: number): ProcessDescription['command'] {
    return async ({ port, key }) => {
      fixture.ports.push(port);
      if (fixture.ports.length <= times) await strangerOn(port, () => 200, '/');
      return { args: [engineFile, '{}', String(port)], env: { ENGINE_KEY: key } };
    };
  }

  const impostors: readonly { does: string; answer: Answer; watched: string; said: RegExp }[] = [
    { does: 'answers 200 to everything', answer: () => 200, watched: '/v1/models', said: /accepts any key/ },
    {
      does: 'answers 401 to everything',
      answer: () => 401,
      watched: '/health',
      said: /\/health refuses the engine's key/,
    },
    {
      does: 'is healthy and has a key of its own',
      answer: (path) => (path === '/health' ? 200 : 401),
      watched: '/v1/models',
      said: /\/v1\/models refuses the engine's key/,
    },
    {
      does: 'fails on every key but the first it saw',
      answer: (_, known) => (known ? 200 : 500),
      watched: '/v1/models',
      said: /^$/,
    },
    {
      does: 'has no such route',
      answer: (path) => (path === '/health' ? 200 : 404),
      watched: '/v1/models',
      said: /^$/,
    },
  ];
  for (const { does, answer, watched, said } of impostors) {
    it(`does not count as the engine when it ${does}`, async () => {
      const limit = new AbortController();
      const reason = new Error('long enough');
      const command: ProcessDescription['command'] = async ({ port }) => {
        const stranger = await strangerOn(port, answer, watched);
        void stranger.untilAsked(6).then(() => limit.abort(reason));
        return { args: [engineFile, '{"silent":true}', String(port)] };
      };
      assert.equal(await fixture.failure({}, { command }, limit.signal), reason);
      assert.match(fixture.logged.join(), said);
    });
  }

  it('is avoided on another port, with another key', async () => {
    const keys = new Set<string>();
    const command = beatenTo(2);
    const server = await fixture.start({}, { command: (launch) => (keys.add(launch.key), command(launch)) });
    assert.equal(new Set(fixture.ports).size, 3);
    assert.equal(keys.size, 3);
    assert.equal(server.endpoint().baseUrl, `http://127.0.0.1:${fixture.ports[2]}/v1`);
    assert.equal(server.info.verified, true);
  });

  it('ends the start when the third port is taken too', async () => {
    const error = await fixture.failure({}, { command: beatenTo(Infinity) });
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
    const stranger = new Stranger(() => 200, '/');
    await stranger.listen(port);
    assert.equal(await isPortTaken(port), true);
    await stranger.close();
    release();
  });
});
