// An engine that writes a chunk only when the test says so.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Plugin } from '@lamina/core';
import { openRemote, remotePlugin, type Remote } from './remote.js';

/** One chat as the engine sees it. */
export class ScriptedAnswer {
  /** Resolves when the answer is complete, or Lamina has left. */
  readonly closed: Promise<unknown>;
  /** The number of the last chunk. */
  count = 0;

  constructor(readonly response: ServerResponse) {
    this.closed = once(response, 'close');
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
  }

  /** Writes chunks with the next numbers as their text; false when Lamina does not read. */
  write(count = 1, padding = ''): boolean {
    let isRead = true;
    for (let index = 0; index < count; index++) {
      const chunk = { choices: [{ delta: { content: `${++this.count} ` } }], padding };
      isRead = this.response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    return isRead;
  }

  finish(): void {
    this.response.end('data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  }
}

/** The engine of the model `far`. */
export class ScriptedEngine {
  readonly plugin: Plugin;
  readonly #answers: ScriptedAnswer[] = [];
  #wake: (() => void) | undefined;

  private constructor(private readonly remote: Remote) {
    this.plugin = remotePlugin(() => ({ baseUrl: `${remote.url}/v1` }));
  }

  static async open(): Promise<ScriptedEngine> {
    const engine: ScriptedEngine = new ScriptedEngine(
      await openRemote((_, response) => {
        engine.#answers.push(new ScriptedAnswer(response));
        engine.#wake?.();
      }),
    );
    return engine;
  }

  /** The next chat that reaches the engine. */
  async next(): Promise<ScriptedAnswer> {
    while (this.#answers.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.#answers.shift()!;
  }

  close(): Promise<void> {
    return this.remote.close();
  }
}

/** The text of the chunks with these numbers. */
export function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index} `).join('');
}
