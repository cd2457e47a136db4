// A server that answers with whatever bytes a test wants, in whatever pieces.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { createServer as createSecureServer } from 'node:tls';

/** Answers one request; `count` is 0 for the first of all. */
export type Answering = (socket: Socket, request: string, count: number) => void;

/** Hands every request, which ends with an empty line, to `answering`. Close it. */
export class RawServer {
  /** The requests, and on how many connections they came. */
  readonly requests: string[] = [];
  connections = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly protocol: string,
  ) {}

  static async open(answering: Answering, secure?: { key: string; cert: string }): Promise<RawServer> {
    const server = secure === undefined ? createServer() : createSecureServer(secure);
    const raw = new RawServer(server, secure === undefined ? 'http' : 'https');
    server.on(secure === undefined ? 'connection' : 'secureConnection', (socket: Socket) =>
      raw.serve(socket, answering),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return raw;
  }

  get url(): URL {
    return new URL(`${this.protocol}://127.0.0.1:${(this.server.address() as AddressInfo).port}/file?part=1`);
  }

  /** Resolves when no connection is open. */
  async untilFree(): Promise<void> {
    await Promise.all([...this.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket, answering: Answering): void {
    this.connections += 1;
    this.sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end + 4);
        text = text.slice(end + 4);
        answering(socket, request, this.requests.push(request) - 1);
      }
    });
  }
}

/** Writes the pieces one after the other, each in a turn of the loop of its own. */
export async function writeInPieces(socket: Socket, pieces: readonly Buffer[]): Promise<void> {
  socket.setNoDelay(true);
  for (const piece of pieces) {
    if (!socket.writable) return;
    socket.write(piece);
    await turn();
  }
}
