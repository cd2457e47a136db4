// A client of the WebSocket for whole-system tests: chats by id, and how each ended.
import { once } from 'node:events';
import type { ClientFrame, ServerFrame } from '@lamina/core/protocol';
import { WebSocket } from 'ws';

/** What a chat came to. */
export interface SocketChat {
  readonly text: string;
  /** `stop`, `length`, …, or the code of its error. */
  readonly end: string;
  /** How many frames ended it: one. */
  ends: number;
}

export class ChatSocket {
  readonly chats = new Map<string, { text: string; end: string; ends: number }>();
  readonly #waiting: (() => void)[] = [];

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      this.#take(JSON.parse(data.toString()) as ServerFrame);
      for (const wake of this.#waiting.splice(0)) wake();
    });
  }

  static async open(url: string): Promise<ChatSocket> {
    const socket = new ChatSocket(new WebSocket(`${url.replace('http', 'ws')}/ws`, 'lamina.v1'));
    await once(socket.ws, 'open');
    return socket;
  }

  send(frame: ClientFrame): void {
    this.ws.send(JSON.stringify(frame));
  }

  start(id: string, request: object): void {
    this.chats.set(id, { text: '', end: '', ends: 0 });
    this.send({ type: 'chat.start', id, request } as ClientFrame);
  }

  /** Resolves when a condition on its chats holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async ended(id: string): Promise<SocketChat> {
    const chat = this.chats.get(id)!;
    await this.until(() => chat.ends > 0);
    return chat;
  }

  async close(): Promise<void> {
    this.ws.close();
    await once(this.ws, 'close');
  }

  #take(frame: ServerFrame): void {
    const chat = 'id' in frame && frame.id !== undefined ? this.chats.get(frame.id) : undefined;
    if (chat === undefined) return;
    if (frame.type === 'chat.chunk')
      chat.text +=
        (frame.chunk as { choices: { delta: { content?: string | null } }[] }).choices[0]?.delta.content ?? '';
    if (frame.type !== 'chat.done' && frame.type !== 'chat.error') return;
    chat.ends += 1;
    chat.end = frame.type === 'chat.done' ? (frame.finish_reason ?? 'done') : frame.error.code;
  }
}
