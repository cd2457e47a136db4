// A minimal gateway in Node: passes each request on with undici and streams the response back. node
// bench/dist/gateway-relay.js <engine URL>
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';

const pool = new Pool(process.argv[2]!, { headersTimeout: 0, bodyTimeout: 0 });

const server = createServer((request, response) => {
  const { method, url } = request;
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const headers = { 'content-type': 'application/json' };
    const options = { path: url!, method: method as 'POST', headers, ...(body.length > 0 ? { body } : {}) };
    pool
      .stream(options, ({ statusCode, headers }) => response.writeHead(statusCode, headers))
      .catch((error: Error) => {
        response.destroy(error);
      });
  });
});
server.keepAliveTimeout = 65_000;
server.listen(0, '127.0.0.1', () =>
  console.log(`Listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`),
);
