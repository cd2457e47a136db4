// A small HTTP client for the run: it can disconnect at any moment and read slowly, and it distinguishes a
// lost connection from a complete response.
import { Agent, request as send, type IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { setTimeout as delay } from 'node:timers/promises';

/** A connection that was refused, or lost before its response was complete. */
export class ConnectionLost extends Error {}

/** A request. */
export interface HttpRequest {
  readonly method?: string;
  readonly path: string;
  readonly key: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

/** A complete response. */
export interface HttpResponse {
  readonly status: number;
  readonly text: string;
  readonly requestId: string;
}

/** Connections to the server under test, kept alive between requests; close them to count descriptors. */
export class HttpClient {
  private agent = new Agent({ keepAlive: true });

  /** @throws ConnectionLost, or the reason of the signal */
  async fetchText(url: string, request: HttpRequest): Promise<HttpResponse> {
    const response = await this.open(url, request);
    const chunks: Buffer[] = [];
    await this.read(response, request.signal, (chunk) => void chunks.push(chunk));
    return { status: response.statusCode!, text: Buffer.concat(chunks).toString('utf8'), requestId: idOf(response) };
  }

  /**
   * Requests a stream of events and passes on the data of each. An error is one response. Reading pauses for
   * `pauseMs` after the stream has started.
   */
  async stream(url: string, request: HttpRequest, onData: (data: string) => void, pauseMs = 0): Promise<HttpResponse> {
    const response = await this.open(url, request);
    const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true;
    const parser = createParser({ onEvent: ({ data }) => onData(data) });
    let text = '';
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal: request.signal }).catch(() => undefined);
    const decoder = new TextDecoder();
    await this.read(response, request.signal, (chunk) => {
      const piece = decoder.decode(chunk, { stream: true });
      if (isStream) parser.feed(piece);
      else text += piece;
    });
    return { status: response.statusCode!, text, requestId: idOf(response) };
  }

  /** Closes every connection; the next request opens new ones. */
  close(): void {
    this.agent.destroy();
    this.agent = new Agent({ keepAlive: true });
  }

  private open(url: string, { method = 'POST', path, key, body, signal }: HttpRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const headers = {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const request = send(url + path, { method, headers, agent: this.agent });
      const disconnect = () => request.destroy();
      signal.addEventListener('abort', disconnect, { once: true });
      request.once('close', () => signal.removeEventListener('abort', disconnect));
      request.on('error', (error) =>
        reject(signal.aborted ? (signal.reason as Error) : new ConnectionLost(error.message)),
      );
      request.once('response', resolve);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  private read(response: IncomingMessage, signal: AbortSignal, onChunk: (chunk: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const onLost = () =>
        reject(signal.aborted ? (signal.reason as Error) : new ConnectionLost('the response ended early'));
      response.once('error', onLost).once('end', resolve);
      response.on('data', (chunk: Buffer) => {
        try {
          onChunk(chunk);
        } catch (error) {
          reject(error as Error);
          response.destroy();
        }
      });
      response.once('close', () => (response.complete ? resolve() : onLost()));
      if (response.destroyed && !response.complete) onLost();
    });
  }
}

function idOf(response: IncomingMessage): string {
  return String(response.headers['x-request-id'] ?? '');
}
