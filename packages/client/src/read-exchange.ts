// Exchanges with many items, such as chats: started when they are read, ended when their reader leaves.
import type { Connection, Exchange } from './connection.js';
import { abortedError, type LaminaClientError } from './error.js';
import type { ServerFrame } from './link.js';
import { Queue } from './queue.js';

/** Where an exchange puts what it receives. */
export interface Output<Item> {
  push(item: Item): void;
  /** The server has ended the exchange. */
  end(error?: LaminaClientError): void;
  /** Ends the exchange; what is not read yet is dropped. */
  abort(error: LaminaClientError): void;
}

/** An exchange with items. */
interface Source<Item> extends Omit<Exchange, 'receive' | 'fail'> {
  receive(frame: ServerFrame, output: Output<Item>): void;
}

/** Starts the exchange and reads its items. Leaving the loop ends it, and so does the signal. */
export async function* readExchange<Item>(
  connection: Connection,
  source: Source<Item>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Item, void, undefined> {
  if (signal?.aborted === true) throw abortedError(signal);
  const queue = new Queue<Item>();
  const output: Output<Item> = {
    push(item) {
      if (!queue.push(item)) connection.end(id);
    },
    end(error) {
      connection.remove(id);
      queue.end(error);
    },
    abort(error) {
      connection.end(id);
      queue.abort(error);
    },
  };
  const id = connection.add({
    ...source,
    receive: (frame) => source.receive(frame, output),
    fail: (error) => queue.end(error),
  });
  const abort = (): void => output.abort(abortedError(signal!));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    yield* queue.read();
  } finally {
    signal?.removeEventListener('abort', abort);
    connection.end(id);
  }
}
