// Our own HTTP/1.1 client: straight to the server, GET only. Connections that rest are used again.
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { AddressGuard } from '../../../contract/source.js';
import type { Client, Reply } from '../body.js';
import { Connection } from './connection.js';
import { exchange } from './exchange.js';

/** Requests that no proxy carries. */
export class DirectClient implements Client {
  private readonly connections = new Set<Connection>();
  private closed = false;

  async get(
    url: URL,
    headers: Readonly<Record<string, string>>,
    guard: AddressGuard | undefined,
    signal: AbortSignal,
  ): Promise<Reply> {
    signal.throwIfAborted();
    const request = requestOf(url, headers);
    const rested = [...this.connections].find((connection) => connection.take(url, guard));
    try {
      return await exchange(rested ?? (await this.connect(url, guard, signal)), request, signal);
    } catch (error) {
      if (rested?.untouched !== true || signal.aborted) throw error;
      return exchange(await this.connect(url, guard, signal), request, signal); // It was closed while it rested.
    }
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const connection of this.connections) connection.leave(closedError());
    await Promise.all([...this.connections].map(({ closed }) => closed));
  }

  private async connect(url: URL, guard: AddressGuard | undefined, signal: AbortSignal): Promise<Connection> {
    if (this.closed) throw closedError();
    const connection = new Connection(url, guard);
    this.connections.add(connection);
    void connection.closed.then(() => this.connections.delete(connection));
    const leave = () => connection.leave(signal.reason as Error);
    signal.addEventListener('abort', leave, { once: true });
    try {
      await connection.ready();
      return connection;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }
}

function closedError(): Error {
  return new Error('the client was closed');
}

function requestOf(url: URL, headers: Readonly<Record<string, string>>): string {
  const lines = [`GET ${url.pathname}${url.search} HTTP/1.1`, `host: ${url.host}`];
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines.push(`${name}: ${value}`);
  }
  return `${lines.join('\r\n')}\r\n\r\n`;
}
