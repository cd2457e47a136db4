// Converts the system prompt and the messages to the messages of a chat.
import type { ChatMessage, ToolCall } from '@lamina/core/plugin';
import { blockParts, contentIn, invalid, partsOf, textIn, textOf, type Part } from './content.js';
import type { Block, MessagesRequest } from './request.js';

/** Claude Code begins its system prompt so. It changes between runs, which would make the prompt cache useless. */
const billingHeader = 'x-anthropic-billing-header';

/** A block and its place in the request. */
interface PlacedBlock {
  readonly block: Block;
  readonly where: string;
}

/** Messages in a row of one side. */
interface Turn {
  readonly role: 'user' | 'assistant';
  readonly blocks: PlacedBlock[];
}

/**
 * The messages of a chat: at most one of the role `system`, which is the first, then turns of user and assistant, because
 * many chat templates accept nothing else. Later messages of the role `system` become part of the user's turn.
 * @throws LaminaError `REQUEST_INVALID`
 */
export function conversation({ system, messages }: MessagesRequest): ChatMessage[] {
  const prompt = partsOf(system ?? '', 'system').filter(
    (part) => part.type !== 'text' || !part.text.startsWith(billingHeader),
  );
  const turns: Turn[] = [];
  for (const [index, { role, content }] of messages.entries()) {
    const where = `messages.${index}.content`;
    if (role === 'system' && turns.length === 0) prompt.push(...partsOf(content, where));
    else addTo(turns, role === 'assistant' ? role : 'user', placed(content, where));
  }
  const calls = new Set<string>();
  return [
    ...(prompt.length === 0 ? [] : [{ role: 'system', content: textOf(prompt) }]),
    ...turns.flatMap(({ role, blocks }) =>
      role === 'user' ? userMessages(blocks, calls) : [assistantMessage(blocks, calls)],
    ),
  ];
}

function placed(content: string | readonly Block[], where: string): PlacedBlock[] {
  if (typeof content === 'string') return [{ block: { type: 'text', text: content }, where }];
  return content.map((block, index) => ({ block, where: `${where}.${index}` }));
}

function addTo(turns: Turn[], role: Turn['role'], blocks: readonly PlacedBlock[]): void {
  const last = turns.at(-1);
  if (last?.role === role) last.blocks.push(...blocks);
  else turns.push({ role, blocks: [...blocks] });
}

/** The results of tools come first, because templates want them right after the calls. */
function userMessages(blocks: readonly PlacedBlock[], calls: ReadonlySet<string>): ChatMessage[] {
  const results: ChatMessage[] = [];
  const parts: Part[] = [];
  for (const { block, where } of blocks) {
    if (block.type !== 'tool_result') {
      parts.push(...blockParts(block, where));
      continue;
    }
    const id = textIn(block, 'tool_use_id', where);
    if (!calls.has(id))
      throw invalid(`No earlier message has a tool_use block with the id "${id}".`, `${where}.tool_use_id`);
    const result = partsOf(contentIn(block, where), `${where}.content`);
    const text = textOf(result);
    results.push({ role: 'tool', tool_call_id: id, content: block['is_error'] === true ? `Error: ${text}` : text });
    parts.push(...result.filter(({ type }) => type === 'image_url')); // The result of a tool can only be text.
  }
  if (parts.length === 0 && results.length > 0) return results;
  const isText = parts.every(({ type }) => type === 'text');
  return [...results, { role: 'user', content: isText ? textOf(parts) : parts }];
}

function assistantMessage(blocks: readonly PlacedBlock[], calls: Set<string>): ChatMessage {
  let content = '';
  let reasoning = '';
  const made: ToolCall[] = [];
  for (const { block, where } of blocks) {
    if (block.type === 'thinking') reasoning += textIn(block, 'thinking', where);
    else if (block.type === 'tool_use') made.push(toolCall(block, where));
    else content += textOf(blockParts(block, where)); // One text can be in several blocks, as with citations.
  }
  for (const { id } of made) calls.add(id);
  return {
    role: 'assistant',
    content,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(made.length === 0 ? {} : { tool_calls: made }),
  };
}

function toolCall(block: Block, where: string): ToolCall {
  const [id, name] = [textIn(block, 'id', where), textIn(block, 'name', where)];
  return { id, type: 'function', function: { name, arguments: JSON.stringify(block['input'] ?? {}) } };
}
