// Free ports on 127.0.0.1, none of them handed out twice at the same time.
import { createServer, type Server } from 'node:net';
import { isShortage } from '../kernel/shortage.js';

/** A port nobody else in this process is given until it is released. */
export interface PortReservation {
  readonly port: number;
  release(): void;
}

// Ports belong to the process, not to one Lamina in it, so this is the module's and not a service's.
const reserved = new Set<number>();

/**
 * Finds a free port by binding port 0 and closing it again. Another program may take it before the engine does; a start
 * then tries another.
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
