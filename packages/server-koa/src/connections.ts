// Bounds the connections of the server, so that descriptors are left for engines, files and downloads.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf, type Logger } from '@lamina/core';

/** Kept for engines, model files and downloads. */
const reservedDescriptors = 128;
const fewestByDefault = 16;
const mostByDefault = 10_000;
const warningIntervalMs = 60_000;

/** How many connections there may be. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

interface State {
  readonly address: string;
  /** Requests that are not answered yet. */
  requests: number;
  /** A WebSocket. */
  upgraded: boolean;
}

/**
 * The connections of one server. A new one that would be too many takes the place of the one that has been idle the
 * longest: no request is under way on it, be it that it waits for its next one or never sent one. Where none is idle,
 * the new one is closed at once.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #log: Logger;
  readonly #open = new Map<Socket, State>();
  /** Longest idle first. */
  readonly #idle = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  #warnedAt = -Infinity;

  constructor(http: Server, limits: ConnectionLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
    http.on('connection', (socket) => this.#accept(socket));
    // An error before that is of `listen`; after it, the system could not accept a connection. The next one may
    // succeed.
    http.once('listening', () =>
      http.on('error', (error) => this.#warn({ reason: reasonOf(error) }, 'A connection could not be accepted')),
    );
  }

  /** Marks a connection as busy until the request is answered. */
  begin({ socket }: IncomingMessage, response: ServerResponse): void {
    const state = this.#open.get(socket);
    if (state === undefined) return;
    state.requests += 1;
    this.#idle.delete(socket);
    response.once('close', () => {
      state.requests -= 1;
      if (state.requests === 0 && !state.upgraded && this.#open.has(socket)) this.#idle.add(socket);
    });
  }

  /** Marks a connection as busy for as long as it lasts: it has become a WebSocket. */
  upgrade(socket: Socket): void {
    this.#idle.delete(socket);
    const state = this.#open.get(socket);
    if (state !== undefined) state.upgraded = true;
  }

  #accept(socket: Socket): void {
    if (this.#open.has(socket)) return; // Handed back to the server after an upgrade that nobody took.
    const address = socket.remoteAddress ?? '';
    if (!this.#makeRoom(address)) {
      socket.destroy();
      return;
    }
    this.#open.set(socket, { address, requests: 0, upgraded: false });
    this.#idle.add(socket);
    this.#perAddress.set(address, this.#countOf(address) + 1);
    socket.once('close', () => this.#forget(socket));
  }

  #makeRoom(address: string): boolean {
    const { maxConnections, maxConnectionsPerAddress } = this.#limits;
    const addressIsFull = this.#countOf(address) >= maxConnectionsPerAddress;
    if (!addressIsFull && this.#open.size < maxConnections) return true;
    this.#warn(
      { connections: this.#open.size, address, maxConnections, maxConnectionsPerAddress },
      'The limit of connections is reached; idle ones are closed for new ones',
    );
    for (const socket of this.#idle) {
      if (addressIsFull && this.#open.get(socket)?.address !== address) continue;
      this.#forget(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #countOf(address: string): number {
    return this.#perAddress.get(address) ?? 0;
  }

  #forget(socket: Socket): void {
    const state = this.#open.get(socket);
    if (state === undefined) return;
    this.#open.delete(socket);
    this.#idle.delete(socket);
    const left = this.#countOf(state.address) - 1;
    if (left > 0) this.#perAddress.set(state.address, left);
    else this.#perAddress.delete(state.address);
  }

  #warn(details: object, message: string): void {
    const now = performance.now();
    if (now - this.#warnedAt < warningIntervalMs) return;
    this.#warnedAt = now;
    this.#log.warn(details, message);
  }
}

/**
 * The limits a host gave, and defaults for the rest: of the descriptors this process may have, half of what is not
 * reserved, since each connection may need one to an engine; for one address half of that.
 */
export function connectionLimits(given: Partial<ConnectionLimits>): ConnectionLimits {
  const { maxConnections = defaultConnections() } = given;
  return { maxConnections, maxConnectionsPerAddress: given.maxConnectionsPerAddress ?? Math.ceil(maxConnections / 2) };
}

function defaultConnections(): number {
  const half = Math.floor((descriptorLimit() - reservedDescriptors) / 2);
  return Math.min(mostByDefault, Math.max(fewestByDefault, half));
}

/**
 * What `ulimit -n` says of this process. Only Linux tells without a run of another program; elsewhere it is taken to be
 * 1,024.
 */
function descriptorLimit(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return 1024;
  }
}
