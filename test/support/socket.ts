// A WebSocket client for tests: collects chats by ID.
import { once } from 'node:events';
import type { ClientFrame, ServerFrame } from '@lamina/core/protocol';
import { WebSocket } from 'ws';

/** The result of a chat. */
export interface SocketChat {
  readonly text: string;
  /** The finish reason, or the code of the error. */
  readonly end: string;
  /** The number of frames that ended it; must be one. */
  ends: number;
}

export class ChatSocket {
  readonly chats = new Map<string, { text: string; end: string; ends: number }>();
  readonly #waiting: (() => void)[] = [];

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => {
      this.#onFrame(JSON.parse(data.toString()) as ServerFrame);
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

  /** Resolves when a condition is true. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
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

  #onFrame(frame: ServerFrame): void {
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
