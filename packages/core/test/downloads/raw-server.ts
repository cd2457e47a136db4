// A server that responds with any bytes a test defines.
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Responds to one request; `count` is 0 for the first one. */
export type Answering = (socket: Socket, request: string, count: number) => void;

/** Passes every request to `answering`. Close it. */
export class RawServer {
  private readonly sockets = new Set<Socket>();
  private requests = 0;

  private constructor(private readonly server: Server) {}

  static async open(answering: Answering): Promise<RawServer> {
    const server = createServer();
    const raw = new RawServer(server);
    server.on('connection', (socket: Socket) => raw.serve(socket, answering));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return raw;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/tiny.gguf`;
  }

  /** Resolves when no connection is open. */
  async untilNoConnection(): Promise<void> {
    await Promise.all([...this.sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket, answering: Answering): void {
    this.sockets.add(socket);
    let text = '';
    socket.on('error', () => undefined);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end !== -1; end = text.indexOf('\r\n\r\n')) {
        const request = text.slice(0, end + 4);
        text = text.slice(end + 4);
        answering(socket, request, this.requests++);
      }
    });
  }
}
