// The data of a conversation, as it is stored and exported. All of it is plain JSON, and is replaced, never changed.
import type { ToolCall, Usage } from '@lamina/client';

/** What a conversation sends besides its messages. What is missing is left to the engine. */
export interface Settings {
  /** Instructions for the model, sent before the messages. */
  readonly system?: string;
  readonly temperature?: number;
  readonly top_p?: number;
  readonly max_tokens?: number;
  readonly seed?: number;
}

/** A text file that is part of a message. */
export interface AttachedFile {
  readonly name: string;
  readonly text: string;
}

/** What the user sent. */
export interface Question {
  readonly role: 'user';
  readonly text: string;
  /** Data URLs. */
  readonly images: readonly string[];
  readonly files: readonly AttachedFile[];
}

/** What llama-server measured of an answer. */
export interface Timings {
  readonly prompt_n?: number;
  /** Tokens per second. */
  readonly prompt_per_second?: number;
  readonly predicted_n?: number;
  /** Tokens per second. */
  readonly predicted_per_second?: number;
}

/**
 * How an answer ended: `stopped` by the user; `interrupted` because the connection or the page was gone for too long;
 * `failed` with an error.
 */
export type AnswerState = 'complete' | 'stopped' | 'interrupted' | 'failed';

/** What a model answered. Times are in milliseconds since 1970. */
export interface Answer {
  readonly role: 'assistant';
  readonly model: string;
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly state: AnswerState;
  /** Why it is not complete, for people. */
  readonly problem?: string;
  readonly startedAt: number;
  /** When the first reasoning, or else text, arrived. */
  readonly firstAt?: number;
  /** When the first text arrived. */
  readonly textAt?: number;
  readonly endedAt?: number;
  /** Chunks with reasoning or text, of about one token each. */
  readonly chunks: number;
  readonly finishReason?: string;
  readonly usage?: Usage;
  readonly timings?: Timings;
  /** The context of the model in tokens, when the answer ended. */
  readonly contextLength?: number;
}

/** A message of a conversation. */
export type Message = Question | Answer;

/** A conversation. Times are in milliseconds since 1970. */
export interface Conversation {
  readonly id: string;
  /** The model of the next answer; empty before one is chosen. */
  readonly model: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly settings: Settings;
  readonly messages: readonly Message[];
}

/** A conversation without messages. */
export function newConversation(model: string): Conversation {
  const now = Date.now();
  return { id: newId(), model, createdAt: now, updatedAt: now, settings: {}, messages: [] };
}

/** The conversation with another message at its end. */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  return { ...conversation, messages: [...conversation.messages, message], updatedAt: Date.now() };
}

/** The conversation without the message at an index, and those after it. */
export function cutBefore(conversation: Conversation, index: number): Conversation {
  return { ...conversation, messages: conversation.messages.slice(0, index), updatedAt: Date.now() };
}

/** The first words of the first message. */
export function titleOf({ messages }: Conversation): string {
  const first = messages.find((message) => message.role === 'user');
  if (first === undefined) return 'New chat';
  const line = first.text.trim().split('\n', 1)[0]!;
  const title = line || first.files[0]?.name || 'Image';
  return title.length > 60 ? `${title.slice(0, 59).trimEnd()}…` : title;
}

/** `crypto.randomUUID` is missing where a page is served over HTTP. */
function newId(): string {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
