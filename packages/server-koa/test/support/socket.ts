// A WebSocket client that checks every frame against its schema.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { check } from '@lamina/core';
import { serverFrameSchemas, type ClientFrame, type ServerFrame, type ServerFrameType } from '@lamina/core/protocol';
import { WebSocket, type ClientOptions } from 'ws';

export interface SocketOptions extends ClientOptions {
  readonly protocols?: readonly string[];
  readonly path?: string;
}

/** What a chat came to. */
export interface ChatResult {
  readonly text: string;
  readonly frames: readonly ServerFrame[];
  /** The frame that ended it. */
  readonly last: ServerFrame<'chat.done' | 'chat.error'>;
}

export class TestSocket {
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<number>;
  #wake: (() => void)[] = [];
  #isClosed = false;

  private constructor(readonly ws: WebSocket) {
    this.closed = once(ws, 'close').then(([code]) => {
      this.#isClosed = true;
      this.#notify();
      return code as number;
    });
    ws.on('error', () => undefined);
    ws.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString()) as ServerFrame;
      assert.deepEqual(check(serverFrameSchemas[frame.type], frame), [], data.toString());
      this.frames.push(frame);
      this.#notify();
    });
  }

  /** Connects and waits for `hello`. */
  static async open(
    url: string,
    { protocols = ['lamina.v1'], path = '/ws', ...options }: SocketOptions = {},
  ): Promise<TestSocket> {
    const socket = new TestSocket(new WebSocket(url.replace('http', 'ws') + path, [...protocols], options));
    await once(socket.ws, 'open');
    await socket.next('hello');
    return socket;
  }

  /** What is sent instead of a connection. */
  static async refusal(
    url: string,
    { protocols = ['lamina.v1'], path = '/ws', ...options }: SocketOptions = {},
  ): Promise<{ status: number; code: string; message: string; headers: IncomingMessage['headers'] }> {
    const ws = new WebSocket(url.replace('http', 'ws') + path, [...protocols], options);
    ws.on('error', () => undefined);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage];
    let body = '';
    for await (const part of response) body += String(part);
    const { error } = JSON.parse(body) as { error: { code: string; message: string } };
    return { status: response.statusCode!, ...error, headers: response.headers };
  }

  /** How a connection is closed that is accepted only to tell its client why; nothing else is sent on it. */
  static async rejection(
    url: string,
    { protocols = ['lamina.v1'], path = '/ws', ...options }: SocketOptions = {},
  ): Promise<{ code: number; reason: string }> {
    const ws = new WebSocket(url.replace('http', 'ws') + path, [...protocols], options);
    let messages = 0;
    ws.on('message', () => messages++);
    const [code, reason] = (await once(ws, 'close')) as [number, Buffer];
    assert.equal(messages, 0);
    return { code, reason: reason.toString() };
  }

  send(frame: ClientFrame): void {
    this.ws.send(JSON.stringify(frame));
  }

  /** The first frame of a type, from the beginning or not yet there, that a condition accepts. */
  next<Type extends ServerFrameType>(
    type: Type,
    where: (frame: ServerFrame<Type>) => boolean = () => true,
  ): Promise<ServerFrame<Type>> {
    return this.#find(
      type,
      (frame): frame is ServerFrame<Type> => frame.type === type && where(frame as ServerFrame<Type>),
    );
  }

  /** The answer to a call, whether it succeeded or not. */
  answer(id: string): Promise<ServerFrame<'reply' | 'error'>> {
    return this.#find(
      `the answer to ${id}`,
      (frame): frame is ServerFrame<'reply' | 'error'> =>
        (frame.type === 'reply' || frame.type === 'error') && frame.id === id,
    );
  }

  /** Starts a chat. */
  start(id: string, model = 'tiny', content = 'hi', more: object = {}): void {
    this.send({ type: 'chat.start', id, request: { model, messages: [{ role: 'user', content }], ...more } });
  }

  /** The end of a chat that was started. */
  async ended(id: string): Promise<ChatResult> {
    const last = await this.#find(
      'the end of a chat',
      (frame): frame is ServerFrame<'chat.done' | 'chat.error'> =>
        (frame.type === 'chat.done' || frame.type === 'chat.error') && frame.id === id,
    );
    const frames = this.of(id);
    const text = frames.map((frame) => (frame.type === 'chat.chunk' ? (textOf(frame.chunk) ?? '') : '')).join('');
    return { text, frames, last };
  }

  chat(id: string, model?: string, content?: string, more?: object): Promise<ChatResult> {
    this.start(id, model, content, more);
    return this.ended(id);
  }

  /** Everything that was sent with an id. */
  of(id: string): ServerFrame[] {
    return this.frames.filter((frame) => 'id' in frame && frame.id === id);
  }

  async close(): Promise<void> {
    this.ws.close();
    await this.closed;
  }

  async #find<Frame extends ServerFrame>(what: string, wanted: (frame: ServerFrame) => frame is Frame): Promise<Frame> {
    // Each frame is looked at once: there may be hundreds of thousands.
    for (let seen = 0; ;) {
      for (; seen < this.frames.length; seen++) if (wanted(this.frames[seen]!)) return this.frames[seen] as Frame;
      if (this.#isClosed) throw new Error(`closed before a frame came: ${what}`);
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export function textOf(chunk: object): string | undefined {
  return (chunk as { choices?: { delta?: { content?: string } }[] }).choices?.[0]?.delta?.content;
}
