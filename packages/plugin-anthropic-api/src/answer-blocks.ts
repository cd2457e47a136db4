// Orders the parts of a chat's answer as blocks: one is open at a time, and none is opened twice.
import { isMapping, LaminaError, parseJson, type ChatPart } from '@lamina/core/plugin';
import type { AnswerBlock, BlockDelta, BlockEvent } from './message.js';

type ToolCallPart = Extract<ChatPart, { type: 'tool_call' }>;

/** The blocks of one answer. */
export class AnswerBlocks {
  /** Whether the answer has a call of a tool. */
  hasCalls = false;
  #index = -1;
  /** A part of the block that is open. */
  #open: ChatPart | undefined;
  /** What the model wrote so far as the arguments of the call that is open. */
  #json = '';
  readonly #calls = new Set<number>();

  /** The events for a part. @throws LaminaError `ENGINE_REFUSED` for a call that clients could not run */
  *add(part: ChatPart): Generator<BlockEvent, void> {
    if (!this.#continues(part)) {
      yield* this.close();
      this.#open = part;
      this.#index += 1;
      if (part.type === 'tool_call') this.#begin(part);
      yield { type: 'content_block_start', index: this.#index, content_block: emptyBlock(part) };
    }
    const text = part.type === 'tool_call' ? part.arguments : part.text;
    if (part.type === 'tool_call') this.#json += text;
    if (text !== '') yield this.#delta(deltaOf(part));
  }

  /**
   * The events that close the block that is open. `isCut` says that the answer ended at its limit, in the middle of it.
   * @throws LaminaError `ENGINE_REFUSED` for a call whose arguments are not JSON
   */
  *close({ isCut = false } = {}): Generator<BlockEvent, void> {
    const part = this.#open;
    if (part === undefined) return;
    if (part.type === 'tool_call' && !isCut && readInput(this.#json) === undefined)
      throw new LaminaError('ENGINE_REFUSED', {
        message: `The model called the tool "${part.name}" with arguments that are not a JSON object. Try again.`,
        status: 502,
      });
    if (part.type === 'reasoning') yield this.#delta({ type: 'signature_delta', signature: '' });
    yield { type: 'content_block_stop', index: this.#index };
    this.#open = undefined;
  }

  #continues(part: ChatPart): boolean {
    const open = this.#open;
    if (open?.type !== part.type) return false;
    return open.type !== 'tool_call' || open.index === (part as ToolCallPart).index;
  }

  #begin({ index, name }: ToolCallPart): void {
    if (this.#calls.has(index))
      throw new LaminaError('ENGINE_REFUSED', {
        message: `The engine went back to an earlier call of the tool "${name}". Set tool_choice.disable_parallel_tool_use.`,
        status: 502,
      });
    this.#calls.add(index);
    this.#json = '';
    this.hasCalls = true;
  }

  #delta(delta: BlockDelta): BlockEvent {
    return { type: 'content_block_delta', index: this.#index, delta };
  }
}

/** The arguments of a call; `undefined` when they are not a JSON object. */
export function readInput(json: string): object | undefined {
  const input = json.trim() === '' ? {} : parseJson(json);
  return isMapping(input) ? input : undefined;
}

function emptyBlock(part: ChatPart): AnswerBlock {
  if (part.type === 'tool_call') return { type: 'tool_use', id: part.id, name: part.name, input: {} };
  return part.type === 'text' ? { type: 'text', text: '' } : { type: 'thinking', thinking: '', signature: '' };
}

function deltaOf(part: ChatPart): BlockDelta {
  if (part.type === 'tool_call') return { type: 'input_json_delta', partial_json: part.arguments };
  return part.type === 'text'
    ? { type: 'text_delta', text: part.text }
    : { type: 'thinking_delta', thinking: part.text };
}
