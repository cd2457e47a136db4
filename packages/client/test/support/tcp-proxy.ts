// Passes TCP connections on to a server, and cuts them on demand.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A close frame of a client with code 1001, masked with zeros (RFC 6455, 5.2). */
const goingAway = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9]);

export class TcpProxy {
  /** The connections so far. */
  count = 0;
  /**
   * Where the next connections are cut, one each: after so many bytes of the server, or before a text that it sends.
   */
  readonly cuts: (number | string)[] = [];
  /** What the server sent. */
  received = '';
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #passing = new Set<Socket>();
  /** Client → server. */
  readonly #pairs = new Map<Socket, Socket>();

  private constructor(
    /** The server that new connections go to. */
    public target: URL,
  ) {
    this.#server = createServer((client) =>
      this.#pass(client, connect(Number(this.target.port), this.target.hostname)),
    );
  }

  static async open(target: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(target));
    await once(proxy.#server.listen(0, '127.0.0.1'), 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts the connections: both sides notice. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Passes nothing more on over the connections, as if a cable was cut: neither side notices. */
  freeze(): void {
    this.#passing.clear();
  }

  /** Closes the connections as a browser does when a page is left. What the page does then reaches the server no more. */
  leave(): void {
    for (const [client, server] of this.#pairs) {
      this.#passing.delete(client);
      server.write(goingAway);
    }
  }

  /** Counts again, and plans no cuts. */
  reset(): void {
    this.count = this.cuts.length = 0;
    this.received = '';
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket, server: Socket): void {
    this.count++;
    this.#pairs.set(client, server);
    client.once('close', () => this.#pairs.delete(client));
    const planned = this.cuts.shift() ?? Infinity;
    let passed = '';
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#open.add(socket);
      this.#passing.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#open.delete(socket);
        if (this.#passing.delete(socket)) other.destroy();
      });
    }
    client.on('data', (data) => this.#passing.has(client) && server.write(data));
    server.on('data', (data: Buffer) => {
      if (!this.#passing.has(server)) return;
      const text = data.toString('latin1');
      this.received += text;
      // The text may have begun in earlier bytes.
      const end = typeof planned === 'number' ? planned : (passed + text).indexOf(planned);
      const index = Math.max(end - passed.length, 0);
      passed += text;
      const isCut = end >= 0 && end <= passed.length;
      client.write(isCut ? data.subarray(0, index) : data, () => isCut && client.destroy());
    });
  }
}
