// WebSocket clients: several chats on one socket; some are cancelled, some sockets are closed in the middle,
// some pause reading.
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientFrame, ServerFrame } from '@lamina/core/protocol';
import { WebSocket } from 'ws';
import { attempt, ClientDisconnected, pickModel, ErrorResponse, repeat, WrongResponse, type Chaos } from './context.js';
import { ConnectionLost } from './http.js';
import { knownAnswer, knownLongAnswer, longTokens } from './models.js';
import { keys } from './settings.js';

const chatsPerSocket = 14;
const openMs = 10_000;

/** The state of a chat according to its frames. */
interface Chat {
  text: string;
  seq: number;
  ends: number;
  end(error?: Error): void;
}

/**
 * One client: one socket after the other, with up to {@link chatsPerSocket} chats on each.
 */
export function socketClient(chaos: Chaos): Promise<void> {
  return repeat(chaos, 500, async () => {
    const socket = await ChatSocket.open(chaos).catch(() => undefined);
    if (socket === undefined) return;
    const chats = Array.from({ length: 1 + Math.floor(chaos.random() * chatsPerSocket) }, () => socket.chat());
    if (chaos.random() < 0.3) await socket.pauseReading(500 + chaos.random() * 1500);
    if (chaos.random() < 0.2) {
      await delay(chaos.random() * 1000);
      socket.disconnect();
    }
    await Promise.all(chats);
    socket.close();
  });
}

class ChatSocket {
  private readonly chats = new Map<string, Chat>();
  private count = 0;
  private left = false;

  private constructor(
    private readonly chaos: Chaos,
    private readonly ws: WebSocket,
  ) {
    ws.on('message', (data: Buffer) => this.onFrame(data.toString()));
    ws.on('error', () => undefined); // A close event follows.
    ws.on('close', () => this.endAll(new ConnectionLost('the socket closed')));
  }

  /** Opens a socket; counted as a request. */
  static async open(chaos: Chaos): Promise<ChatSocket | undefined> {
    let socket: ChatSocket | undefined;
    await attempt(chaos, { client: 'socket, opens' }, async () => {
      const key = `lamina.key.${Buffer.from(keys.inference).toString('base64url')}`;
      const ws = new WebSocket(`${chaos.server.url.replace('http', 'ws')}/ws`, ['lamina.v1', key], {
        handshakeTimeout: openMs,
      });
      const opened = new Promise<void>((resolve, reject) => {
        ws.once('open', resolve).once('error', (error) => reject(new ConnectionLost(error.message)));
        ws.once('unexpected-response', (_, { statusCode }) =>
          reject(new ErrorResponse(statusCode === 503 ? 'SHUTTING_DOWN' : 'UNKNOWN', statusCode ?? 0, '')),
        );
      });
      const opening = new ChatSocket(chaos, ws);
      await opened;
      socket = opening;
    });
    return socket;
  }

  /** One chat from its start to its end; some are cancelled by a frame. */
  chat(): Promise<boolean> {
    const { chaos } = this;
    const model = pickModel(chaos);
    const long = chaos.random() < 0.4;
    const cancels = chaos.random() < 0.25;
    const known = long ? knownLongAnswer(model) : knownAnswer(model);
    const id = `chat-${(this.count += 1)}`;
    const client = cancels ? 'socket chat, cancels' : 'socket chat';
    return attempt(chaos, { client, model, expected: cancels ? ['ABORTED'] : [] }, async () => {
      const request = {
        model,
        messages: [{ role: 'user', content: long ? '/count' : 'hi' }],
        temperature: 0,
        max_tokens: long ? longTokens : 64,
      };
      const ended = new Promise<void>((resolve, reject) => {
        this.chats.set(id, {
          text: '',
          seq: 0,
          ends: 0,
          end: (error) => (error === undefined ? resolve() : reject(error)),
        });
      });
      ended.catch(() => undefined);
      this.send({ type: 'chat.start', id, request } as ClientFrame);
      if (cancels) void delay(chaos.random() * 1500).then(() => this.send({ type: 'chat.cancel', id }));
      await this.answered(id, ended, known);
    });
  }

  /** Pauses reading. */
  async pauseReading(ms: number): Promise<void> {
    this.ws.pause();
    await delay(ms);
    this.ws.resume();
  }

  /** Closes the socket with its chats in progress. */
  disconnect(): void {
    this.left = true;
    this.ws.terminate();
  }

  close(): void {
    this.ws.close();
    setTimeout(() => this.ws.terminate(), 2000).unref();
  }

  private async answered(id: string, ended: Promise<void>, known: string): Promise<void> {
    const chat = this.chats.get(id)!;
    let failure: unknown;
    await ended.catch((error: unknown) => (failure = error));
    if (!known.startsWith(chat.text.trimStart()))
      throw new WrongResponse(`"${chat.text.slice(0, 80)}" is no beginning of "${known.slice(0, 60)}"`);
    // A socket that the client closes is not a fault of the server.
    if (failure instanceof ConnectionLost && this.left) throw new ClientDisconnected();
    if (failure !== undefined) throw failure as Error;
    if (chat.text.trim() !== known)
      throw new WrongResponse(`done with "${chat.text.slice(0, 80)}" in place of "${known.slice(0, 60)}"`);
  }

  private send(frame: ClientFrame): void {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(JSON.stringify(frame));
  }

  private onFrame(data: string): void {
    const frame = JSON.parse(data) as ServerFrame;
    const chat = 'id' in frame && frame.id !== undefined ? this.chats.get(frame.id) : undefined;
    if (chat === undefined) return;
    if (chat.ends > 0) return this.chaos.tally.check('frames after the end of a chat', 1, data);
    if (frame.type === 'chat.chunk') this.onChunk(chat, frame);
    else if (frame.type === 'chat.done') this.end(chat);
    else if (frame.type === 'chat.error' || frame.type === 'error')
      this.end(chat, new ErrorResponse(frame.error.code, 200, frame.error.message, frame.error.details));
  }

  private onChunk(chat: Chat, { seq, chunk }: ServerFrame<'chat.chunk'>): void {
    chat.seq += 1;
    if (seq !== chat.seq) this.end(chat, new WrongResponse(`chunk ${seq} in place of ${chat.seq}`));
    chat.text += (chunk as { choices: { delta: { content?: string | null } }[] }).choices[0]?.delta.content ?? '';
  }

  private end(chat: Chat, error?: Error): void {
    chat.ends += 1;
    chat.end(error);
  }

  private endAll(error: Error): void {
    for (const chat of this.chats.values()) if (chat.ends === 0) this.end(chat, error);
  }
}
