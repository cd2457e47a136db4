// The clients of the gateway benchmark: plain requests, streams, and chats over WebSockets.
import { once } from 'node:events';
import type { ServerFrame } from '@lamina/core/protocol';
import { Agent, request } from 'undici';
import { WebSocket } from 'ws';
import type { Gateway } from './gateway-peers.js';
import { inParallel } from './in-parallel.js';

/** How many clients send requests at the same time. */
export const concurrency = 16;
/** Events of a stream, and chunks of a chat. */
export const eventsPerStream = 200;
/** The length of a prompt, in characters. */
export const promptLength = 1_000;

const requestsPerRound = 3_000;
const streamsPerRound = 96;

/** Requests of one kind for a gateway. */
export interface Load {
  /** The unit that is counted. */
  readonly unit: string;
  readonly units: number;
  isServedBy(gateway: Gateway): boolean;
  run(gateway: Gateway): Promise<void>;
}

/** All clients. They share connections. */
export class Clients {
  /** Gateway → streams that it ended too early. */
  readonly incomplete = new Map<string, number>();
  /** Gateway → events of its streams, and the reads in which they arrived. */
  readonly reads = new Map<string, { events: number; reads: number }>();
  readonly loads: readonly Load[] = [
    {
      unit: 'plain request',
      units: requestsPerRound,
      isServedBy: () => true,
      run: (gateway) => inParallel(concurrency, requestsPerRound, () => this.#plain(gateway)),
    },
    {
      unit: 'SSE event',
      units: streamsPerRound * eventsPerStream,
      isServedBy: () => true,
      run: (gateway) => inParallel(concurrency, streamsPerRound, () => this.#stream(gateway)),
    },
    {
      unit: 'WebSocket chunk',
      units: streamsPerRound * eventsPerStream,
      isServedBy: ({ name }) => name === 'lamina',
      run: (gateway) => this.#chats(gateway),
    },
  ];
  readonly #agent = new Agent({ connections: concurrency, headersTimeout: 0, bodyTimeout: 0 });

  close(): Promise<void> {
    return this.#agent.close();
  }

  async #plain({ url }: Gateway): Promise<void> {
    const { statusCode, body } = await this.#post(url, { stream: false, max_tokens: 5 });
    const text = await body.text();
    if (statusCode !== 200) throw new Error(`${statusCode} ${text}`);
  }

  /** Other gateways sometimes end a stream too early. That is counted, and the request is sent again. */
  async #stream(gateway: Gateway): Promise<void> {
    const { statusCode, body } = await this.#post(gateway.url, { stream: true, max_tokens: eventsPerStream });
    let text = '';
    let reads = 0;
    for await (const part of body) {
      text += String(part);
      reads += 1;
    }
    if (statusCode === 200 && text.endsWith('data: [DONE]\n\n')) return this.#countReads(gateway.name, text, reads);
    if (statusCode !== 200 || gateway.name === 'lamina') throw new Error(`${statusCode} ${text.slice(-200)}`);
    this.incomplete.set(gateway.name, (this.incomplete.get(gateway.name) ?? 0) + 1);
    await this.#stream(gateway);
  }

  #countReads(name: string, text: string, reads: number): void {
    const count = this.reads.get(name) ?? { events: 0, reads: 0 };
    this.reads.set(name, { events: count.events + text.split('\n\n').length - 1, reads: count.reads + reads });
  }

  #post(url: string, options: object) {
    return request(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(chatRequest(options)),
      dispatcher: this.#agent,
    });
  }

  /** As many chats as there are streams, over one socket for each client. */
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

/** This number of chats on a socket, one after the other. */
function chatOn(socket: WebSocket, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let chunks = 0;
    let left = count;
    const startNext = () =>
      socket.send(
        JSON.stringify({ type: 'chat.start', id: `${left}`, request: chatRequest({ max_tokens: eventsPerStream }) }),
      );
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      if (frame.type === 'chat.chunk') chunks += 1;
      if (frame.type === 'chat.error' || frame.type === 'error') reject(new Error(frame.error.message));
      if (frame.type !== 'chat.done') return;
      left -= 1;
      if (left > 0) startNext();
      else if (chunks >= count * eventsPerStream) resolve();
      else reject(new Error(`only ${chunks} chunks arrived`));
    });
    socket.once('close', () => reject(new Error('the socket was closed')));
    startNext();
  });
}

const messages = [{ role: 'user', content: 'Tell me more. '.repeat(100).slice(0, promptLength) }];

function chatRequest(options: object): object {
  return { model: 'bench', messages, ...options };
}
