// Limits the connections of the server, so that file descriptors are left for engines, files and downloads.
import { readFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { reasonOf, type Logger } from '@lamina/core';

/** Kept for engines, model files and downloads. */
const reservedDescriptors = 128;
const minDefault = 16;
const maxDefault = 10_000;
const warningIntervalMs = 60_000;

/** The limits of a server. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
}

interface ConnectionState {
  readonly address: string;
  /** Requests under way. */
  requests: number;
  /** A WebSocket. */
  upgraded: boolean;
}

/**
 * The connections of one server. At the limit, a new connection replaces the one that has been idle the longest, which
 * has no request under way. When none is idle, the new one is closed at once.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #log: Logger;
  readonly #open = new Map<Socket, ConnectionState>();
  /** Longest idle first. */
  readonly #idle = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  #warnedAt = -Infinity;

  constructor(http: Server, limits: ConnectionLimits, log: Logger) {
    this.#limits = limits;
    this.#log = log;
    http.on('connection', (socket) => this.#accept(socket));
    // Earlier errors are those of `listen`. A later one means that the system could not accept a connection; the next
    // one may succeed.
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

  /** Marks a connection as busy until it closes, because it has become a WebSocket. */
  upgrade(socket: Socket): void {
    this.#idle.delete(socket);
    const state = this.#open.get(socket);
    if (state !== undefined) state.upgraded = true;
  }

  #accept(socket: Socket): void {
    if (this.#open.has(socket)) return; // The server gets it again after an upgrade that was ignored.
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
      'The limit of connections is reached; new connections replace idle ones',
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
 * The limits of the options, with defaults: half of the file descriptors that are not reserved, because each connection
 * may need another one to an engine; half of that for one address.
 */
export function connectionLimits(options: Partial<ConnectionLimits>): ConnectionLimits {
  const { maxConnections = defaultConnections() } = options;
  return {
    maxConnections,
    maxConnectionsPerAddress: options.maxConnectionsPerAddress ?? Math.ceil(maxConnections / 2),
  };
}

function defaultConnections(): number {
  const half = Math.floor((descriptorLimit() - reservedDescriptors) / 2);
  return Math.min(maxDefault, Math.max(minDefault, half));
}

/** The limit of `ulimit -n`. Only Linux has it in a file; elsewhere 1,024 is assumed. */
function descriptorLimit(): number {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit === undefined ? Infinity : Number(limit);
  } catch {
    return 1024;
  }
}
