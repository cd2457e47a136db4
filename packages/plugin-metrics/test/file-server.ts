// A server with one file to download, and one that breaks off.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export const fileBytes = 1_000;

export interface FileServer {
  /** A file of {@link fileBytes}. */
  readonly file: string;
  /** A file whose bytes never come. */
  readonly stalled: string;
  close(): Promise<void>;
}

export async function startFileServer(): Promise<FileServer> {
  const server = createServer(({ method, url }, response) => {
    response.writeHead(200, { 'content-length': fileBytes });
    if (method === 'HEAD') response.end();
    else if (url === '/stalled.fake') response.flushHeaders();
    else response.end(Buffer.alloc(fileBytes, 'x'));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    file: `${origin}/file.fake`,
    stalled: `${origin}/stalled.fake`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
