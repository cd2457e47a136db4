// The HTTP server of the engine: key check, bodies, routing.
import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { RequestError } from './errors.js';
import { Reply } from './reply.js';

const maxBodyBytes = 64 * 1024 * 1024;

/** Handles one kind of request; `body` is any JSON. */
export type Route = (body: unknown, reply: Reply) => Promise<void> | void;

/** `POST /v1/chat/completions` → its handler. Only `GET /health` needs no key. */
export type Routes = Readonly<Record<string, Route>>;

/** The server; it does not listen yet. */
export function httpServer(routes: Routes, key: string): Server {
  return createServer((request, response) => void handle(routes, key, request, response));
}

async function handle(routes: Routes, key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = new Reply(response);
  try {
    const name = `${request.method} ${request.url?.split('?')[0]}`;
    if (name !== 'GET /health' && !hasKey(request, key))
      throw new RequestError(401, 'The API key is missing or not valid.', { code: 'invalid_api_key' });
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (route === undefined)
      throw new RequestError(404, `The embedded engine has no ${name}. llama.cpp may have it.`, { code: 'not_found' });
    await route(request.method === 'POST' ? await readJson(request) : undefined, reply);
  } catch (error) {
    reply.fail(error);
  }
}

/** Compares digests, so that the time reveals nothing about the key. */
function hasKey(request: IncomingMessage, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${key}`));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBodyBytes) throw new RequestError(413, `The body is larger than ${maxBodyBytes} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new RequestError(400, `The body is not JSON: ${(error as Error).message}`);
  }
}
