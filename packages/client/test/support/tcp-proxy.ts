// Passes TCP connections on to a server, and cuts them on demand.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class TcpProxy {
  /** The connections so far. */
  count = 0;
  /** The bytes of the server that a new connection passes on before it is cut. */
  bytesUntilCut = Infinity;
  /** While true, nothing is passed on, as if the cable was cut. */
  isFrozen = false;
  readonly #server: Server;
  readonly #open = new Set<Socket>();

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

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #pass(client: Socket, server: Socket): void {
    this.count++;
    let left = this.bytesUntilCut;
    const cut = (): void => void [client.destroy(), server.destroy()];
    for (const socket of [client, server]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#open.delete(socket);
        cut();
      });
    }
    client.on('data', (data) => this.isFrozen || server.write(data));
    server.on('data', (data: Buffer) => {
      if (this.isFrozen) return;
      client.write(data.subarray(0, left), () => left <= 0 && cut());
      left -= data.length;
    });
  }
}
