// The chats of one WebSocket server: which of them can be resumed, by whom, and until when.
import { LaminaError } from '@lamina/core';
import type { ClientFrame } from '@lamina/core/protocol';
import type { Peer } from '../peer.js';
import { Chat } from './chat.js';

/** The most chats without a connection that still occupy an engine. At the limit the oldest is ended. */
const maxDetached = 1024;
const maxDetachedOfOwner = 256;

/** The most that chats that have ended keep together, in characters; the oldest are forgotten. */
const maxEndedSize = 32 * 1024 * 1024;

/** What a chat takes besides its chunks. */
const chatOverhead = 1024;

interface Entry {
  readonly chat: Chat;
  /** Runs while the chat has no connection. */
  timer?: NodeJS.Timeout;
  /** What it takes since it ended. */
  endedSize: number;
}

/** Starts and resumes chats. */
export class Chats {
  readonly #entries = new Map<string, Entry>();
  /** Without a connection and not ended, oldest first. */
  readonly #detached = new Set<Entry>();
  /** Ended, oldest first. */
  readonly #ended = new Set<Entry>();
  readonly #running = new Set<Promise<void>>();
  #endedSize = 0;
  #isClosed = false;

  constructor(
    /** How long a chat can be resumed, in seconds. */
    private readonly resumeTimeout: number,
  ) {}

  /** Starts a chat; settles when the engine has done its work. */
  start({ id, request, keep = false }: ClientFrame<'chat.start'>, peer: Peer): Promise<void> {
    const { lamina, caller, headers, owner } = peer;
    const entry: Entry = {
      chat: new Chat({ lamina, caller, headers, owner }, keep, () => this.#wait(entry)),
      endedSize: 0,
    };
    entry.chat.attach(peer, id, 0);
    this.#entries.set(entry.chat.secret, entry);
    const running = entry.chat.run(request);
    this.#running.add(running);
    return running.then(() => void this.#running.delete(running));
  }

  /** @throws LaminaError `CHAT_NOT_FOUND`, and what `Chat.attach` throws */
  resume({ id, chat: secret, after }: ClientFrame<'chat.resume'>, peer: Peer): void {
    const entry = this.#entries.get(secret);
    if (entry === undefined || entry.chat.owner !== peer.owner)
      throw new LaminaError('CHAT_NOT_FOUND', { seconds: this.resumeTimeout });
    entry.chat.attach(peer, id, after);
    // A chat that has ended may have sent everything and left the connection again.
    if (entry.chat.isAttached) this.#stopWaiting(entry);
  }

  /** Ends the chats without a connection, and keeps no more. Resolves when no chat is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const entry of [...this.#detached, ...this.#ended]) this.#forget(entry, new LaminaError('SHUTTING_DOWN', {}));
    await Promise.all(this.#running);
  }

  /** Keeps a chat without a connection until its client resumes it or the time is up. */
  #wait(entry: Entry): void {
    const { chat } = entry;
    if (this.#entries.get(chat.secret) !== entry) return;
    if (this.#isClosed) return this.#forget(entry, new LaminaError('SHUTTING_DOWN', {}));
    if (chat.isAborted) return this.#forget(entry);
    // The time begins when the chat loses its connection, and again when it ends.
    this.#stopWaiting(entry);
    entry.timer = setTimeout(() => this.#forget(entry), this.resumeTimeout * 1000);
    if (chat.isEnded) this.#addEnded(entry);
    else this.#addDetached(entry);
  }

  #addDetached(entry: Entry): void {
    this.#detached.add(entry);
    const ofOwner = [...this.#detached].filter(({ chat }) => chat.owner === entry.chat.owner);
    if (ofOwner.length > maxDetachedOfOwner) this.#forget(ofOwner[0]!);
    else if (this.#detached.size > maxDetached) this.#forget([...this.#detached][0]!);
  }

  #addEnded(entry: Entry): void {
    entry.endedSize = entry.chat.size + chatOverhead;
    this.#endedSize += entry.endedSize;
    this.#ended.add(entry);
    for (const oldest of this.#ended) {
      if (this.#endedSize <= maxEndedSize) return;
      this.#forget(oldest);
    }
  }

  #stopWaiting(entry: Entry): void {
    clearTimeout(entry.timer);
    delete entry.timer;
    this.#detached.delete(entry);
    if (this.#ended.delete(entry)) this.#endedSize -= entry.endedSize;
  }

  /** Ends a chat, when it has not ended, and the engine's work on it. */
  #forget(entry: Entry, reason: LaminaError = new LaminaError('ABORTED', {})): void {
    this.#stopWaiting(entry);
    this.#entries.delete(entry.chat.secret);
    entry.chat.abort(reason);
  }
}
