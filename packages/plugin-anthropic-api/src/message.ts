// The shapes of an answer: a message, and the events of one that is streamed.
import type { Usage as ChatUsage } from '@lamina/core/plugin';

// eslint-disable-next-line no-restricted-syntax -- clients read these fields as null until they have a value
export const none = null;

/** A block of an answer. */
export type AnswerBlock =
  | { readonly type: 'thinking'; readonly thinking: string; readonly signature: string }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; readonly input: object };

/** Why an answer ended. */
export type StopReason = 'end_turn' | 'max_tokens' | 'tool_use' | 'refusal';

/** The token counts of an answer; those of the prompt that were cached count in one field alone. */
export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

/** An answer. */
export interface Message {
  readonly id: string;
  readonly type: 'message';
  readonly role: 'assistant';
  readonly model: string;
  readonly content: readonly AnswerBlock[];
  readonly stop_reason: StopReason | null;
  readonly stop_sequence: null;
  readonly usage: Usage;
}

/** A change of the block with this index. */
export type BlockDelta =
  | { readonly type: 'thinking_delta'; readonly thinking: string }
  | { readonly type: 'signature_delta'; readonly signature: string }
  | { readonly type: 'text_delta'; readonly text: string }
  | { readonly type: 'input_json_delta'; readonly partial_json: string };

/** An event about the block with this index. */
export type BlockEvent =
  | { readonly type: 'content_block_start'; readonly index: number; readonly content_block: AnswerBlock }
  | { readonly type: 'content_block_delta'; readonly index: number; readonly delta: BlockDelta }
  | { readonly type: 'content_block_stop'; readonly index: number };

/** An event of a streamed answer. */
export type MessageEvent =
  | { readonly type: 'message_start'; readonly message: Message }
  | { readonly type: 'ping' }
  | BlockEvent
  | {
      readonly type: 'message_delta';
      readonly delta: Pick<Message, 'stop_reason' | 'stop_sequence'>;
      readonly usage: Usage;
    }
  | { readonly type: 'message_stop' };

/** Nothing is counted yet when a message starts. */
export const noUsage: Usage = {
  input_tokens: 0,
  output_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
};

/** The usage of a chat in Anthropic's form. */
export function usageOf(usage: ChatUsage | undefined): Usage {
  const {
    prompt_tokens = 0,
    completion_tokens = 0,
    prompt_tokens_details,
  } = (usage ?? {}) as Partial<ChatUsage> & {
    readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
  };
  const cached = Math.min(prompt_tokens_details?.cached_tokens ?? 0, prompt_tokens);
  return {
    ...noUsage,
    input_tokens: prompt_tokens - cached,
    output_tokens: completion_tokens,
    cache_read_input_tokens: cached,
  };
}
