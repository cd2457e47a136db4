// Reserves free ports on 127.0.0.1, so that none is used twice at the same time.
import { createServer, type Server } from 'node:net';
import { isShortage } from '../kernel/shortage.js';

/** A port that is not reserved again in this process until it is released. */
export interface PortReservation {
  readonly port: number;
  release(): void;
}

// Module state, because ports belong to the process and not to one Lamina in it.
const reserved = new Set<number>();

/**
 * Finds a free port by binding port 0 and closing it again. If another program takes it before the engine does, the
 * start tries another port.
 */
export async function reservePort(): Promise<PortReservation> {
  const server = await listen(0);
  const { port } = server.address() as { port: number };
  const isNew = !reserved.has(port);
  reserved.add(port);
  await close(server);
  return isNew ? { port, release: () => void reserved.delete(port) } : reservePort();
}

/** True when something is bound to the port. */
export async function isPortTaken(port: number): Promise<boolean> {
  try {
    await close(await listen(port));
    return false;
  } catch (error) {
    return !isShortage(error);
  }
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
