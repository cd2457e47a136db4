// Two remotes under 160 streams: one is killed, hangs, or cannot be reached any more.
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from '@lamina/server-koa';
import { createTestLamina, fakeEngine, type FakeEngineState, type TestLamina } from '@lamina/testing';
import { chatBody, streamChat, type Streamed } from './support/client.js';

const streamCount = 160;
const longestSilenceMs = 5_000;

/** A stream as its client sees it. */
interface ClientStream {
  readonly result: Promise<Streamed>;
  pieces: number;
  lastPieceAt: number;
  longestMs: number;
}

/** An engine that runs on its own: Lamina only has its address. */
interface FarEngine {
  readonly url: string;
  readonly child: ChildProcess;
}

describe('two remotes with one model, under 160 streams', function () {
  this.timeout(120_000);
  let engines: FarEngine[];
  let lamina: TestLamina;
  let server: Server;
  let url: string;
  let client: AbortController;
  let undo: () => void;

  beforeEach(() => {
    engines = [];
    client = new AbortController();
    undo = () => undefined;
  });

  afterEach(async () => {
    client.abort();
    await server.close({ signal: AbortSignal.abort() });
    await lamina.close();
    for (const { child } of engines) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    undo();
  });

  it('only the streams of one that is killed fail, each with the error event', async () => {
    const [b, c] = [await startEngine(), await startEngine()];
    const streams = await open(b, c);
    const killed = performance.now();
    b.child.kill('SIGKILL');
    await assertOnlyHalfFails(streams, c);
    assert.ok(performance.now() - killed < longestSilenceMs);
  });

  it('only the streams of one that hangs fail, and none is silent for more than 5 s', async () => {
    const [b, c] = [await startEngine(), await startEngine()];
    const streams = await open(b, c);
    b.child.kill('SIGSTOP');
    await assertOnlyHalfFails(streams, c);
    b.child.kill('SIGCONT');
    await assertIsUsedAgain(b);
  });

  it('only the streams of one whose link is cut fail, and none is silent for more than 5 s', async function () {
    const link = Link.open();
    if (link === undefined) return this.skip();
    undo = () => link.close();
    const [b, c] = [await startEngine(link), await startEngine()];
    const streams = await open(b, c);
    link.set('down');
    await assertOnlyHalfFails(streams, c);
    link.set('up');
    await assertIsUsedAgain(b);
  });

  async function startEngine(link?: Link): Promise<FarEngine> {
    const { executable, args } = fakeEngine({
      model: 'shared',
      behaviour: { chunk_ms: 250, host: link?.address ?? '127.0.0.1' },
    });
    const command = [...(link?.prefix ?? []), executable, ...args];
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    const origin = await new Promise<string>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`the engine ended: ${output}`)));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        const found = /listening on (http:\/\/[^\s/]+)/.exec((output += text))?.[1];
        if (found !== undefined) resolve(found);
      });
    });
    const engine = { url: origin, child };
    engines.push(engine);
    return engine;
  }

  /** Opens the streams, half of them on each remote. */
  async function open(b: FarEngine, c: FarEngine): Promise<readonly ClientStream[]> {
    const backend = ({ url: base }: FarEngine) => ({ type: 'remote', base_url: `${base}/v1` });
    lamina = await createTestLamina({ manifest: { backends: { b: backend(b), c: backend(c) } } });
    server = createServer(lamina, { port: 0 });
    url = await server.listen();
    const streams = Array.from({ length: streamCount }, () => openStream());
    await until('all streams have begun', 30_000, () => streams.every(({ pieces }) => pieces > 0));
    for (const stream of streams) stream.longestMs = 0; // What counts is what follows.
    assert.deepEqual([(await stateOf(b)).busy, (await stateOf(c)).busy], [streamCount / 2, streamCount / 2]);
    return streams;
  }

  function openStream(text = '/count'): ClientStream {
    const stream = { pieces: 0, lastPieceAt: performance.now(), longestMs: 0 };
    const onText = (): void => {
      stream.longestMs = Math.max(stream.longestMs, performance.now() - stream.lastPieceAt);
      stream.pieces += 1;
      stream.lastPieceAt = performance.now();
    };
    const body = chatBody('shared', text);
    return Object.assign(stream, {
      result: streamChat(url, body, { signal: client.signal, onText }).finally(() => {
        stream.longestMs = Math.max(stream.longestMs, performance.now() - stream.lastPieceAt);
      }),
    });
  }

  /** Half of the streams end with the error event, the others go on, and meanwhile every new request is answered. */
  async function assertOnlyHalfFails(streams: readonly ClientStream[], c: FarEngine): Promise<void> {
    const ended: Streamed[] = [];
    const broken: unknown[] = [];
    for (const { result } of streams)
      result.then((each) => ended.push(each)).catch((error: unknown) => broken.push(error));
    let isOver = false;
    const asking = (async () => {
      while (!isOver) {
        const stream = openStream('hi');
        const answer = await stream.result;
        assert.equal(answer.done, true, JSON.stringify(answer.error));
        assert.ok(stream.longestMs < longestSilenceMs, `a new request was silent for ${stream.longestMs} ms`);
      }
    })();
    await until('half of the streams have ended', 15_000, () => ended.length + broken.length >= streamCount / 2);
    isOver = true;
    await asking;
    const before = streams.map(({ pieces }) => pieces);
    await until(
      'the others go on',
      10_000,
      () => streams.filter(({ pieces }, each) => pieces > before[each]! + 4).length >= streamCount / 2,
    );
    assert.deepEqual(broken, []);
    assert.deepEqual(
      ended.map(({ error, done }) => [error?.code, done]),
      Array.from({ length: streamCount / 2 }, () => ['MODEL_SERVER_UNREACHABLE', false]),
    );
    const longestMs = Math.max(...streams.map((each) => each.longestMs));
    assert.ok(longestMs < longestSilenceMs, `a stream was silent for ${longestMs} ms`);
    assert.equal((await stateOf(c)).busy, streamCount / 2);
    client.abort();
    await Promise.allSettled(streams.map(({ result }) => result));
  }

  async function assertIsUsedAgain(engine: FarEngine): Promise<void> {
    const { requests } = await stateOf(engine);
    await until('it is used again', 20_000, async () => {
      assert.equal((await streamChat(url, chatBody('shared'))).done, true);
      return (await stateOf(engine)).requests > requests;
    });
  }

  async function stateOf({ url: base }: FarEngine): Promise<FakeEngineState> {
    const response = await fetch(`${base}/fake/state`, { headers: { connection: 'close' } });
    return (await response.json()) as FakeEngineState;
  }
});

/** A network namespace with a link to this one, for root on Linux. */
class Link {
  readonly prefix: readonly string[];
  readonly address: string;

  private constructor(
    private readonly name: string,
    subnet: string,
  ) {
    this.prefix = ['ip', 'netns', 'exec', name];
    this.address = `${subnet}.2`;
  }

  /** `undefined` where namespaces are not available. */
  static open(): Link | undefined {
    const name = `lamina${process.pid}`;
    const subnet = `10.213.${process.pid % 256}`;
    if (!ip('netns', 'add', name)) return undefined;
    const link = new Link(name, subnet);
    const isOpen =
      ip('link', 'add', `${name}h`, 'type', 'veth', 'peer', 'name', 'far', 'netns', name) &&
      ip('addr', 'add', `${subnet}.1/30`, 'dev', `${name}h`) &&
      ip('link', 'set', `${name}h`, 'up') &&
      ip('-n', name, 'addr', 'add', `${subnet}.2/30`, 'dev', 'far') &&
      ip('-n', name, 'link', 'set', 'far', 'up');
    if (isOpen) return link;
    link.close();
    return undefined;
  }

  /** Packets are lost in silence while the far end is down. */
  set(state: 'up' | 'down'): void {
    assert.ok(ip('-n', this.name, 'link', 'set', 'far', state));
  }

  close(): void {
    ip('netns', 'del', this.name);
  }
}

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
}

async function until(what: string, ms: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
