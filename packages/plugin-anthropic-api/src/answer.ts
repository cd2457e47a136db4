// Converts the answer to a chat to the events of a message, and these to a whole message.
import type { ChatStream } from '@lamina/core/plugin';
import { AnswerBlocks, readInput } from './answer-blocks.js';
import {
  none,
  noUsage,
  usageOf,
  type AnswerBlock,
  type BlockDelta,
  type Message,
  type MessageEvent,
} from './message.js';

/**
 * The events of a streamed answer, in Anthropic's order. The first one comes when the engine has answered, so that what
 * it refuses is an error response.
 * @throws LaminaError what reading the chat throws, and `ENGINE_REFUSED` for a call that clients could not run
 */
export async function* messageEvents(
  stream: ChatStream,
  { id, model }: Pick<Message, 'id' | 'model'>,
): AsyncGenerator<MessageEvent, void> {
  const empty = { id, type: 'message', role: 'assistant', model, content: [] } as const;
  const message: Message = { ...empty, stop_reason: none, stop_sequence: none, usage: noUsage };
  const start: MessageEvent = { type: 'message_start', message };
  const blocks = new AnswerBlocks();
  let hasStarted = false;
  for await (const part of stream.parts()) {
    if (!hasStarted) yield start;
    hasStarted = true;
    yield* blocks.add(part);
  }
  if (!hasStarted) yield start;
  yield* blocks.close({ isCut: stream.finishReason === 'length' });
  const stop_reason = stopReason(stream.finishReason, blocks.hasCalls);
  yield { type: 'message_delta', delta: { stop_reason, stop_sequence: none }, usage: usageOf(stream.usage) };
  yield { type: 'message_stop' };
}

function stopReason(finishReason: string | undefined, hasCalls: boolean): NonNullable<Message['stop_reason']> {
  if (finishReason === 'length') return 'max_tokens';
  if (finishReason === 'content_filter') return 'refusal';
  return hasCalls || finishReason === 'tool_calls' ? 'tool_use' : 'end_turn';
}

/** The message that events describe. @throws what reading the events throws */
export async function wholeMessage(events: AsyncIterable<MessageEvent>): Promise<Message> {
  let message: Message | undefined;
  const content: AnswerBlock[] = [];
  let json = '';
  for await (const event of events) {
    if (event.type === 'message_start') message = event.message;
    else if (event.type === 'content_block_start') {
      content.push(event.content_block);
      json = '';
    } else if (event.type === 'content_block_delta') {
      if (event.delta.type === 'input_json_delta') json += event.delta.partial_json;
      content.push(changed(content.pop()!, event.delta));
    } else if (event.type === 'content_block_stop') content.push(withInput(content.pop()!, json));
    else if (event.type === 'message_delta') message = { ...message!, ...event.delta, usage: event.usage };
  }
  return { ...message!, content };
}

function changed(block: AnswerBlock, delta: BlockDelta): AnswerBlock {
  if (block.type === 'text' && delta.type === 'text_delta') return { ...block, text: block.text + delta.text };
  if (block.type === 'thinking' && delta.type === 'thinking_delta')
    return { ...block, thinking: block.thinking + delta.thinking };
  return block;
}

/** Arguments that were cut at the limit are left out; the message says so as `max_tokens`. */
function withInput(block: AnswerBlock, json: string): AnswerBlock {
  return block.type === 'tool_use' ? { ...block, input: readInput(json) ?? {} } : block;
}
