// A file server whose files never end: their downloads can be listed, paused and cancelled at leisure.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface EndlessFiles {
  readonly origin: string;
  close(): Promise<void>;
}

/** Announces more bytes than it sends. */
export async function serveEndlessFiles(): Promise<EndlessFiles> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': 1000 });
    response.write('x');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
