// One request on one connection, and its answer.
import type { Body, Reply } from '../body.js';
import type { Connection } from './connection.js';
import { framingOf, type Framing } from './framing.js';
import { HeadReader, type Head } from './head.js';

/**
 * Sends a request and resolves with the head of its answer. The connection rests once the body was read and another
 * request may follow; it is closed when the body is let go of earlier, or the signal is aborted.
 * @throws errors of the connection; Error for what is no answer; the signal's reason
 */
export async function exchange(connection: Connection, request: string, signal: AbortSignal): Promise<Reply> {
  const leave = () => connection.leave(signal.reason as Error);
  signal.addEventListener('abort', leave, { once: true });
  const forget = () => signal.removeEventListener('abort', leave);
  try {
    signal.throwIfAborted();
    connection.write(request);
    const { head, rest } = await readHead(connection);
    return {
      status: head.status,
      headers: head.headers,
      body: new WireBody(connection, framingOf(head), rest, mayFollow(head), forget),
    };
  } catch (error) {
    forget();
    connection.leave(error as Error);
    throw error;
  }
}

async function readHead(connection: Connection): Promise<{ head: Head; rest: Buffer }> {
  const reader = new HeadReader();
  for (;;) {
    const bytes = await connection.read();
    if (bytes === undefined) throw new Error('it closed the connection before it answered');
    const taken = reader.take(bytes);
    if (taken !== undefined) return { head: taken.head, rest: bytes.subarray(taken.end) };
  }
}

function mayFollow({ minor, headers }: Head): boolean {
  return minor === 1 && !/\bclose\b/i.test(headers['connection'] ?? '');
}

class WireBody implements Body {
  private over = false;

  constructor(
    private readonly connection: Connection,
    private readonly framing: Framing,
    private readonly first: Buffer,
    private readonly lasting: boolean,
    private readonly forget: () => void,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    const { connection, framing } = this;
    try {
      for (let bytes: Buffer | undefined = this.first; bytes !== undefined; bytes = await connection.read()) {
        const taken = framing.take(bytes);
        if (taken.length > 0) yield taken;
        if (framing.complete) return this.complete();
      }
      if (!framing.untilClose) throw new Error('it closed the connection before the end of its answer');
    } finally {
      this.close();
    }
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.forget();
    this.connection.leave(new Error('the answer was let go of'));
  }

  private complete(): void {
    if (!this.lasting || this.framing.overrun) return this.close();
    this.over = true;
    this.forget();
    this.connection.rest();
  }
}
