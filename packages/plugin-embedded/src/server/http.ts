// The HTTP side of the engine: the key, bodies, routes; what the routes do is elsewhere.
import { timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { RequestError } from './errors.js';
import { Reply } from './reply.js';

const largestBody = 64 * 1024 * 1024;

/** Answers one kind of request; `body` is JSON, whatever it holds. */
export type Route = (body: unknown, reply: Reply) => Promise<void> | void;

/** `POST /v1/chat/completions` → what answers it. `GET /health` alone needs no key. */
export type Routes = Readonly<Record<string, Route>>;

/** The server; it does not listen yet. */
export function httpServer(routes: Routes, key: string): Server {
  return createServer((request, response) => void answer(routes, key, request, response));
}

async function answer(routes: Routes, key: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = new Reply(response);
  try {
    const name = `${request.method} ${request.url?.split('?')[0]}`;
    if (name !== 'GET /health' && !hasKey(request, key))
      throw new RequestError(401, 'The key is wrong, or there is none.', { code: 'invalid_api_key' });
    const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
    if (route === undefined)
      throw new RequestError(
        404,
        `The embedded engine has no ${name}; with this model it has ${Object.keys(routes).join(', ')}.`,
        { code: 'not_found' },
      );
    await route(request.method === 'POST' ? await readJson(request) : undefined, reply);
  } catch (error) {
    reply.fail(error);
  }
}

/** Compared as digests: the time it takes tells nothing of the key. */
function hasKey(request: IncomingMessage, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${key}`));
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestBody) throw new RequestError(413, `The body is longer than ${largestBody} bytes.`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (error) {
    throw new RequestError(400, `The body is not JSON: ${(error as Error).message}`);
  }
}
