// The clients of the gateway benchmark: whole answers, streamed ones, and chats over WebSockets.
import { once } from 'node:events';
import type { ServerFrame } from '@lamina/core/protocol';
import { Agent, request } from 'undici';
import { WebSocket } from 'ws';
import type { Gateway } from './gateway-peers.js';

/** How many clients ask at once. */
export const concurrency = 16;
/** Events of a stream, and chunks of a chat. */
export const eventsPerStream = 200;

const requestsPerRound = 3_000;
const streamsPerRound = 96;

/** Work for a gateway, all of the same kind. */
export interface Load {
  /** What is counted. */
  readonly unit: string;
  readonly units: number;
  serves(gateway: Gateway): boolean;
  run(gateway: Gateway): Promise<void>;
}

/** All clients; they share connections. */
export class Clients {
  /** Gateway → streams that it ended before their end. */
  readonly broken = new Map<string, number>();
  readonly loads: readonly Load[] = [
    {
      unit: 'request',
      units: requestsPerRound,
      serves: () => true,
      run: (gateway) => inParallel(requestsPerRound, () => this.#whole(gateway)),
    },
    {
      unit: 'streamed event',
      units: streamsPerRound * eventsPerStream,
      serves: () => true,
      run: (gateway) => inParallel(streamsPerRound, () => this.#streamed(gateway)),
    },
    {
      unit: 'WebSocket chunk',
      units: streamsPerRound * eventsPerStream,
      serves: ({ name }) => name === 'lamina',
      run: (gateway) => this.#chats(gateway),
    },
  ];
  readonly #agent = new Agent({ connections: concurrency, headersTimeout: 0, bodyTimeout: 0 });

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #whole({ url }: Gateway): Promise<void> {
    const { statusCode, body } = await this.#post(url, { stream: false, max_tokens: 5 });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode} ${text}`);
  }

  /**
   * Other gateways now and then end a stream early as if it were whole; that is theirs to mend, and must not end the
   * benchmark.
   */
  async #streamed(gateway: Gateway): Promise<void> {
    const { statusCode, body } = await this.#post(gateway.url, { stream: true, max_tokens: eventsPerStream });
    let text = '';
    for await (const part of body) text += String(part);
    if (statusCode === 200 && text.endsWith('data: [DONE]\n\n')) return;
    if (statusCode !== 200 || gateway.name === 'lamina') throw new Error(`${statusCode} ${text.slice(-200)}`);
    this.broken.set(gateway.name, (this.broken.get(gateway.name) ?? 0) + 1);
    await this.#streamed(gateway);
  }

  #post(url: string, body: object) {
    return request(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(asked(body)),
      dispatcher: this.#agent,
    });
  }

  /** As many chats as there are streams, over one socket a client. */
  async #chats({ url }: Gateway): Promise<void> {
    const sockets = Array.from(
      { length: concurrency },
      () => new WebSocket(`${url.replace('http', 'ws')}/ws`, 'lamina.v1'),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    await Promise.all(sockets.map((socket) => chatOn(socket, streamsPerRound / concurrency)));
    for (const socket of sockets) socket.terminate();
  }
}

/** So many chats on a socket, one after the other. */
function chatOn(socket: WebSocket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let chunks = 0;
    let left = count;
    const next = () =>
      socket.send(
        JSON.stringify({ type: 'chat.start', id: `${left}`, request: asked({ max_tokens: eventsPerStream }) }),
      );
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'chat.chunk') chunks += 1;
      if (frame.type === 'chat.error' || frame.type === 'error') reject(new Error(frame.error.message));
      if (frame.type !== 'chat.done') return;
      left -= 1;
      if (left > 0) next();
      else if (chunks >= count * eventsPerStream) resolve();
      else reject(new Error(`only ${chunks} chunks came`));
    });
    socket.once('close', () => reject(new Error('the socket was closed')));
    next();
  });
}

function asked(more: object): object {
  return { model: 'bench', messages: [{ role: 'user', content: 'hi' }], ...more };
}

async function inParallel(count: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const client = async () => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: concurrency }, client));
}
