// Ends a connection after its last answer.
import type { Duplex } from 'node:stream';

/** How long a client may take to read the last of what it is sent. */
const flushMs = 2000;

/**
 * Sends what is left to send and closes the connection, whether or not the client closes its side: a server's sockets
 * stay half open otherwise, for good. A client that does not read is cut off after two seconds.
 */
export function endConnection(socket: Duplex, last?: string): void {
  const timer = setTimeout(() => socket.destroy(), flushMs);
  socket.once('close', () => clearTimeout(timer));
  socket.end(last, () => socket.destroy());
}
