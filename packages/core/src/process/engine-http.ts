// The HTTP requests that Lamina itself sends to an engine on 127.0.0.1. Each has its own connection, closed at once:
// an engine that is asked to end waits for open connections.
import { request as send, type ClientRequest, type IncomingMessage } from 'node:http';

const maxResponseBytes = 16 * 1024 * 1024;

/** An engine's port and key. */
export interface EngineAddress {
  readonly port: number;
  readonly key: string;
}

/**
 * The status of a GET request; `undefined` without a response within the limit, or when the signal is aborted.
 */
export function statusOf(
  { port, key }: EngineAddress,
  path: string,
  options: { limitMs: number; signal: AbortSignal },
): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = open({ port, key }, path, { method: 'GET', signal: options.signal });
    const timer = setTimeout(() => request.destroy(), options.limitMs);
    request.once('response', (response: IncomingMessage) => {
      resolve(response.statusCode);
      response.on('error', () => undefined).resume();
    });
    request.on('error', () => resolve(undefined));
    request.once('close', () => {
      clearTimeout(timer);
      resolve(undefined);
    });
    request.end();
  });
}

/**
 * Sends a request and reads the whole response: parsed when it is JSON, else as text.
 * @throws Error on anything but 2xx, on a response of more than 16 MiB; the signal's reason when it is aborted
 */
export async function requestEngine(
  address: EngineAddress,
  path: string,
  init: { method?: string; body?: unknown; signal: AbortSignal },
): Promise<unknown> {
  const { method = 'GET', body, signal } = init;
  try {
    const { response, text } = await exchange(open(address, path, { method, signal, json: body !== undefined }), body);
    const status = response.statusCode ?? 0;
    if (!isSuccess(status))
      throw new Error(
        `${method} ${path} responded with ${status}: ${text.replaceAll(address.key, '[redacted]').slice(0, 200)}`,
      );
    return /json/i.test(response.headers['content-type'] ?? '') ? JSON.parse(text) : text;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** True for 2xx. */
export function isSuccess(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

function open(
  { port, key }: EngineAddress,
  path: string,
  options: { method: string; signal: AbortSignal; json?: boolean },
): ClientRequest {
  const { method, signal, json } = options;
  const headers = { authorization: `Bearer ${key}`, ...(json === true ? { 'content-type': 'application/json' } : {}) };
  return send({ host: '127.0.0.1', port, path, method, headers, signal, agent: false });
}

async function exchange(request: ClientRequest, body: unknown): Promise<{ response: IncomingMessage; text: string }> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    request.once('response', resolve).on('error', reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxResponseBytes)
      throw new Error(`the response of ${request.path} is larger than ${maxResponseBytes} bytes`);
    chunks.push(chunk);
  }
  return { response, text: Buffer.concat(chunks).toString('utf8') };
}
