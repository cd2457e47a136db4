// A small HTTP client for the run: it can leave at any moment and read slowly, and it tells a lost connection from an
// answer that ended.
import { Agent, request as send, type IncomingMessage } from 'node:http';
import { createParser } from 'eventsource-parser';
import { setTimeout as delay } from 'node:timers/promises';

/** A connection that was refused, or lost before its answer was whole. */
export class ConnectionLost extends Error {}

/** What is asked for. */
export interface Ask {
  readonly method?: string;
  readonly path: string;
  readonly key: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

/** A whole answer. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly requestId: string;
}

/** Connections to the server under test, kept open between requests; close them to count descriptors. */
export class HttpClient {
  private agent = new Agent({ keepAlive: true });

  /** @throws ConnectionLost, or the reason of the signal */
  async ask(url: string, ask: Ask): Promise<Answer> {
    const response = await this.open(url, ask);
    const chunks: Buffer[] = [];
    await this.read(response, ask.signal, (chunk) => void chunks.push(chunk));
    return { status: response.statusCode!, text: Buffer.concat(chunks).toString('utf8'), requestId: idOf(response) };
  }

  /**
   * Asks for a stream of events and hands on the data of each. A refusal is one answer. Nothing is read for `pauseMs`
   * once the stream has begun.
   */
  async stream(url: string, ask: Ask, onData: (data: string) => void, pauseMs = 0): Promise<Answer> {
    const response = await this.open(url, ask);
    const isStream = response.headers['content-type']?.startsWith('text/event-stream') === true;
    const parser = createParser({ onEvent: ({ data }) => onData(data) });
    let text = '';
    if (pauseMs > 0) await delay(pauseMs, undefined, { signal: ask.signal }).catch(() => undefined);
    const decoder = new TextDecoder();
    await this.read(response, ask.signal, (chunk) => {
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

  private open(url: string, { method = 'POST', path, key, body, signal }: Ask): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const headers = {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const request = send(url + path, { method, headers, agent: this.agent });
      const leave = () => request.destroy();
      signal.addEventListener('abort', leave, { once: true });
      request.once('close', () => signal.removeEventListener('abort', leave));
      request.on('error', (error) =>
        reject(signal.aborted ? (signal.reason as Error) : new ConnectionLost(error.message)),
      );
      request.once('response', resolve);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  private read(response: IncomingMessage, signal: AbortSignal, onChunk: (chunk: Buffer) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const lost = () => reject(signal.aborted ? (signal.reason as Error) : new ConnectionLost('the answer broke off'));
      response.once('error', lost).once('end', resolve);
      response.on('data', (chunk: Buffer) => {
        try {
          onChunk(chunk);
        } catch (error) {
          reject(error as Error);
          response.destroy();
        }
      });
      response.once('close', () => (response.complete ? resolve() : lost()));
      if (response.destroyed && !response.complete) lost();
    });
  }
}

function idOf(response: IncomingMessage): string {
  return String(response.headers['x-request-id'] ?? '');
}
