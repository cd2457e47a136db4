// Ends a connection after its last response.
import type { Duplex } from 'node:stream';

/** How long a client may take to read the rest of what was sent, in milliseconds. */
const flushTimeoutMs = 2000;

/**
 * Sends what is buffered, and `last`, and closes the connection, whether or not the client closes its side: a
 * server's sockets would stay half open otherwise. A client that does not read is disconnected after two seconds.
 */
export function endConnection(socket: Duplex, last?: string): void {
  const timer = setTimeout(() => socket.destroy(), flushTimeoutMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(last, () => socket.destroy());
}
