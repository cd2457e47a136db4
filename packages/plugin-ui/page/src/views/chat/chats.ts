// All conversations of a session: those in this browser, and those that are open. Answers go on whatever the page shows.
import { batch, computed, signal, type ReadonlySignal } from '@preact/signals';
import type { Session } from '../../server/session.js';
import { Chat, type ChatHost } from './chat.js';
import { newConversation, type Conversation } from './conversation.js';
import { History, type Summary } from './history.js';
import { windowPacer } from './pacer.js';
import type { UnfinishedAnswer } from './running-answer.js';
import { Tabs } from './tabs.js';
import { rememberUnfinished } from './unfinished.js';

/** Of backends that know `return_progress`. */
const reportingType = 'llama.cpp';

/** The conversations of a session. */
export class Chats implements ChatHost {
  readonly client;
  readonly pacer = windowPacer();
  /** The conversation that was shown last. */
  current: Chat | undefined;

  readonly #history = new History();
  readonly #summaries = signal<readonly Summary[]>([]);
  readonly #problem = signal<string | undefined>(undefined);
  readonly #open = signal<ReadonlyMap<string, Chat>>(new Map());
  readonly #tabs = new Tabs(
    (id) => this.#open.peek().get(id)?.running.peek() !== undefined,
    (id) => void this.#followOtherTab(id),
  );
  readonly #closing = new AbortController();

  constructor(private readonly session: Session) {
    this.client = session.client;
    const save = (): void => this.#saveNow();
    addEventListener('pagehide', save, { signal: this.#closing.signal });
    void this.#guard(() => this.#refresh());
    void this.#guard(() => this.#resumeAll());
  }

  /** The conversations in this browser, the newest first. */
  get summaries(): ReadonlySignal<readonly Summary[]> {
    return this.#summaries;
  }

  /** Why conversations are not kept. */
  get problem(): ReadonlySignal<string | undefined> {
    return this.#problem;
  }

  /** The ids of conversations whose answer is being received here. */
  readonly receiving = computed<ReadonlySet<string>>(
    () =>
      new Set([...this.#open.value.values()].filter(({ running }) => running.value !== undefined).map(({ id }) => id)),
  );

  /** A new conversation. It is kept when it has a message. */
  create(model: string): Chat {
    return this.#add(newConversation(model));
  }

  /** A conversation of this browser; `undefined` when it has none with this id. */
  async open(id: string): Promise<Chat | undefined> {
    const open = this.#open.peek().get(id);
    if (open !== undefined) return open;
    const { conversation, unfinished } = await this.#stored(id);
    // Meanwhile another call can have opened it.
    const existing = this.#open.peek().get(id);
    if (existing !== undefined || conversation === undefined) return existing;
    const chat = this.#add(conversation);
    if (unfinished !== undefined) void chat.resume(unfinished);
    return chat;
  }

  /** Continues an answer that another tab received, if that does so no more. */
  async resume(chat: Chat): Promise<void> {
    const { unfinished } = await this.#stored(chat.id);
    if (unfinished !== undefined) await chat.resume(unfinished);
  }

  async remove(id: string): Promise<void> {
    this.#close(id);
    await this.#history.remove(id);
    await this.#changed(id);
  }

  async removeAll(): Promise<void> {
    for (const id of this.#open.peek().keys()) this.#close(id);
    await this.#history.clear();
    await this.#changed(undefined);
  }

  /** All conversations of this browser, the oldest first. */
  async all(): Promise<readonly Conversation[]> {
    const all = await this.#history.all();
    return [...all].sort((one, other) => one.createdAt - other.createdAt);
  }

  reportsPrompt(model: string): boolean {
    const { models, backends } = this.session;
    const name = models.value.peek()?.models[model]?.runs_on ?? '';
    return backends.value.peek()?.backends[name]?.type === reportingType;
  }

  contextLength(model: string): number | undefined {
    return this.session.served.value.peek()?.data.find(({ id }) => id === model)?.context_length;
  }

  async save(conversation: Conversation): Promise<void> {
    await this.#guard(() => this.#history.save(conversation));
    this.#rememberUnfinished();
    await this.#guard(() => this.#changed(conversation.id));
  }

  async saveUnfinished(id: string, unfinished: UnfinishedAnswer): Promise<void> {
    this.#rememberUnfinished();
    await this.#guard(() => this.#history.saveUnfinished(id, unfinished));
    this.#tabs.changed(id);
  }

  isElsewhere(id: string): Promise<boolean> {
    return this.#tabs.isElsewhere(id);
  }

  /** Ends with its session, whose client ends the answers. */
  close(): void {
    this.#saveNow();
    this.#closing.abort();
    this.#tabs.close();
    void this.#history.close();
  }

  #add(conversation: Conversation): Chat {
    const chat = new Chat(this, conversation);
    this.#open.value = new Map(this.#open.peek()).set(chat.id, chat);
    return chat;
  }

  #close(id: string): void {
    const open = new Map(this.#open.peek());
    open.get(id)?.remove();
    open.delete(id);
    batch(() => {
      this.#open.value = open;
      if (this.current?.id === id) this.current = undefined;
    });
  }

  #saveNow(): void {
    for (const chat of this.#open.peek().values()) void chat.saveNow();
  }

  #rememberUnfinished(): void {
    rememberUnfinished(this.receiving.peek().size > 0);
  }

  async #stored(id: string): Promise<{ conversation?: Conversation; unfinished?: UnfinishedAnswer }> {
    const stored = this.#guard(() => Promise.all([this.#history.load(id), this.#history.unfinished(id)]));
    const [conversation, unfinished] = (await stored) ?? [];
    return { ...(conversation && { conversation }), ...(unfinished && { unfinished }) };
  }

  async #resumeAll(): Promise<void> {
    for (const id of await this.#history.unfinishedIds()) await this.open(id);
  }

  async #changed(id: string | undefined): Promise<void> {
    this.#tabs.changed(id);
    await this.#refresh();
  }

  async #refresh(): Promise<void> {
    this.#summaries.value = await this.#history.list();
  }

  async #followOtherTab(id: string | undefined): Promise<void> {
    const chat = id === undefined ? undefined : this.#open.peek().get(id);
    if (chat !== undefined && chat.running.peek() === undefined) {
      const { conversation, unfinished } = await this.#stored(chat.id);
      if (conversation !== undefined) chat.replace(conversation, unfinished?.answer);
    }
    await this.#guard(() => this.#refresh());
  }

  /** A chat works without storage too. */
  async #guard<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await action();
      this.#problem.value = undefined;
      return value;
    } catch (error) {
      this.#problem.value = `This browser does not keep the conversations: ${(error as Error).message}`;
      return undefined;
    }
  }
}

let last: { readonly session: Session; readonly chats: Chats } | undefined;

/** The conversations of a session. Those of the session before are closed. */
export function chatsOf(session: Session): Chats {
  if (last?.session === session) return last.chats;
  last?.chats.close();
  last = { session, chats: new Chats(session) };
  return last.chats;
}
