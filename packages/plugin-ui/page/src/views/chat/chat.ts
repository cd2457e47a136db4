// One conversation that is open: what was said, and the answer that is being received. It goes on while another is shown.
import { batch, signal, type ReadonlySignal } from '@preact/signals';
import type { LaminaClient } from '@lamina/client';
import {
  cutBefore,
  withMessage,
  type Answer,
  type AttachedFile,
  type Conversation,
  type Question,
  type Settings,
} from './conversation.js';
import type { Pacer } from './pacer.js';
import { requestOf } from './request.js';
import { RunningAnswer, type AnswerSource, type UnfinishedAnswer } from './running-answer.js';

/** The client was closed, or the server wants another key. */
const endsOfSession: readonly string[] = ['CLOSED', 'UNAUTHORIZED'];

/** How often what has arrived is kept, in milliseconds. */
const saveInterval = 1000;

/** What a chat needs of its surroundings. */
export interface ChatHost {
  readonly client: Pick<LaminaClient, 'chat' | 'resumeChat'>;
  readonly pacer: Pacer;
  /** Whether the engine of a model says how much of the prompt it has read. */
  reportsPrompt(model: string): boolean;
  /** Tokens, when it is known. */
  contextLength(model: string): number | undefined;
  /** Keeps the conversation; no answer of it is unfinished then. Does not throw. */
  save(conversation: Conversation): Promise<void>;
  saveUnfinished(id: string, unfinished: UnfinishedAnswer): Promise<void>;
  /** Whether another tab receives the answer. */
  isElsewhere(id: string): Promise<boolean>;
}

/** A message that is being written. */
export interface Draft {
  readonly text: string;
  readonly images: readonly string[];
  readonly files: readonly AttachedFile[];
}

/** A message without anything. */
export const emptyDraft: Draft = { text: '', images: [], files: [] };

/** An open conversation. */
export class Chat {
  readonly draft = signal(emptyDraft);
  readonly #conversation;
  readonly #running = signal<RunningAnswer | undefined>(undefined);
  readonly #elsewhere = signal<Answer | undefined>(undefined);
  #isRemoved = false;

  constructor(
    private readonly host: ChatHost,
    conversation: Conversation,
  ) {
    this.#conversation = signal(conversation);
  }

  get id(): string {
    return this.#conversation.peek().id;
  }

  /** What was said; an answer is part of it when it has ended. */
  get conversation(): ReadonlySignal<Conversation> {
    return this.#conversation;
  }

  /** The answer that is being received. */
  get running(): ReadonlySignal<RunningAnswer | undefined> {
    return this.#running;
  }

  /** What there is of an answer that another tab receives. */
  get elsewhere(): ReadonlySignal<Answer | undefined> {
    return this.#elsewhere;
  }

  /** Sends a message. */
  send(question: Question): void {
    this.#ask(withMessage(this.#conversation.peek(), question));
  }

  /** Asks for the last answer again. */
  retry(): void {
    const conversation = this.#conversation.peek();
    const last = conversation.messages.at(-1);
    this.#ask(last?.role === 'assistant' ? cutBefore(conversation, conversation.messages.length - 1) : conversation);
  }

  /** Sends another text in place of the message at an index. What came after it is gone. */
  edit(index: number, text: string): void {
    const conversation = this.#conversation.peek();
    const message = conversation.messages[index];
    if (message?.role === 'user') this.#ask(withMessage(cutBefore(conversation, index), { ...message, text }));
  }

  /** Ends the answer; what has arrived is kept. */
  stop(): void {
    this.#running.peek()?.stop();
  }

  /** For the next answer. */
  configure(changed: { readonly model?: string; readonly settings?: Settings }): void {
    const conversation = { ...this.#conversation.peek(), ...changed };
    this.#conversation.value = conversation;
    if (conversation.messages.length > 0 && this.#running.peek() === undefined) void this.host.save(conversation);
  }

  /** Another tab has changed it, or only receives its answer. */
  replace(conversation: Conversation, elsewhere: Answer | undefined): void {
    if (this.#running.peek() !== undefined) return;
    batch(() => {
      this.#conversation.value = conversation;
      this.#elsewhere.value = elsewhere;
    });
  }

  /** Continues an answer that an earlier page received, unless another tab does. */
  async resume({ answer, position }: UnfinishedAnswer): Promise<void> {
    this.#elsewhere.value = answer;
    if (await this.host.isElsewhere(this.id)) return;
    this.#elsewhere.value = undefined;
    if (position === undefined) {
      const problem = 'The page was closed before the server took the request.';
      return this.#end({ ...answer, state: 'interrupted', problem, endedAt: Date.now() });
    }
    this.#run(answer, (options) => this.host.client.resumeChat(position, options));
  }

  /** Keeps what has arrived now. */
  saveNow(): Promise<void> {
    const running = this.#running.peek();
    if (running === undefined || this.#isRemoved) return Promise.resolve();
    return this.host.saveUnfinished(this.id, running.unfinished);
  }

  /** It was deleted: what still arrives is not kept. */
  remove(): void {
    this.#isRemoved = true;
    this.stop();
  }

  #ask(conversation: Conversation): void {
    if (this.#running.peek() !== undefined) return;
    this.#conversation.value = conversation;
    const { model } = conversation;
    const request = requestOf(conversation, this.host.reportsPrompt(model));
    // Before the answer is: saving a conversation says that none is unfinished.
    const saved = this.host.save(conversation);
    this.#run(newAnswer(model), (options) => this.host.client.chat(request, { ...options, keep: true }), saved);
  }

  #run(before: Answer, open: AnswerSource['open'], saved: Promise<void> = Promise.resolve()): void {
    const { pacer } = this.host;
    const contextLength = (): number | undefined => this.host.contextLength(before.model);
    const running = new RunningAnswer({ open, before, pacer, contextLength });
    this.#running.value = running;
    const timer = setInterval(() => void this.saveNow(), saveInterval);
    void saved.then(() => this.saveNow());
    void running.ended.then(async ({ answer, error }) => {
      clearInterval(timer);
      // The session is over, and the next one continues the answer.
      if (error !== undefined && endsOfSession.includes(error.code)) return;
      // The server gives an answer to the client that asks for it last.
      const isElsewhere = error?.code === 'CONFLICT' && (await this.host.isElsewhere(this.id));
      batch(() => {
        this.#running.value = undefined;
        if (isElsewhere) this.#elsewhere.value = answer;
      });
      if (!isElsewhere) await this.#end(answer);
    });
  }

  async #end(answer: Answer): Promise<void> {
    const conversation = withMessage(this.#conversation.peek(), answer);
    this.#conversation.value = conversation;
    if (!this.#isRemoved) await this.host.save(conversation);
  }
}

function newAnswer(model: string): Answer {
  const now = Date.now();
  return {
    role: 'assistant',
    model,
    text: '',
    reasoning: '',
    toolCalls: [],
    state: 'interrupted',
    startedAt: now,
    chunks: 0,
  };
}
