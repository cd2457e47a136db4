// The input of a request as messages of a chat.
import { isMapping, type ChatMessage, type ToolCall } from '@lamina/core/plugin';
import { readContent, readText } from './content.js';
import { invalid } from './errors.js';
import type { Fields } from './fields.js';

/** The output item with this id, as far as it is remembered. */
export type FindItem = (id: string) => Fields | undefined;

/** What the model has said in one turn. */
interface Turn {
  readonly texts: string[];
  readonly thoughts: string[];
  readonly calls: ToolCall[];
}

/**
 * The messages of a chat. Neighbouring items of the model become one message, as a chat template expects it.
 * @throws LaminaError `REQUEST_INVALID` for what cannot be read, and for references to messages that are not remembered
 */
export function readMessages(
  { instructions, input }: { readonly instructions?: unknown; readonly input?: unknown },
  find: FindItem,
): ChatMessage[] {
  if (input === undefined) throw invalid('The field "input" is missing. Send a text or a list of items.', 'input');
  const conversation = new Conversation(find);
  if (typeof instructions === 'string' && instructions !== '') conversation.addSystem(instructions);
  if (typeof input === 'string') conversation.add({ role: 'user', content: input }, 'input');
  else (input as readonly Fields[]).forEach((item, index) => conversation.add(item, `input[${index}]`));
  return conversation.end();
}

class Conversation {
  readonly #messages: ChatMessage[] = [];
  #turn: Turn | undefined;

  constructor(private readonly find: FindItem) {}

  /** Many chat templates accept one system message, at the beginning; clients send several. */
  addSystem(content: string): void {
    this.#closeTurn();
    const [first, ...others] = this.#messages;
    if (first?.role === 'system' && typeof first.content === 'string' && others.length === 0)
      this.#messages[0] = { role: 'system', content: `${first.content}\n\n${content}` };
    else this.#messages.push({ role: 'system', content });
  }

  add(item: Fields, param: string): void {
    const { type = 'message', role, content } = item;
    if (type === 'item_reference') this.#addReferenced(item, param);
    else if (type === 'reasoning') this.#openTurn().thoughts.push(thoughtOf(item, param));
    else if (type === 'function_call') this.#openTurn().calls.push(readCall(item, param));
    else if (type === 'function_call_output') this.#push(readOutput(item, param));
    else if (type === 'message') this.#addMessage(role, content, param);
    // Items of tools that only OpenAI runs are skipped, as the tools themselves are.
  }

  /** @throws LaminaError `REQUEST_INVALID` when there is no message */
  end(): ChatMessage[] {
    this.#closeTurn();
    if (this.#messages.length === 0) throw invalid('"input" has no message. Send at least one.', 'input');
    return this.#messages;
  }

  #addMessage(role: unknown, content: unknown, param: string): void {
    if (role === 'assistant') this.#openTurn().texts.push(readText(content, `${param}.content`));
    else if (role === 'system' || role === 'developer') this.addSystem(readText(content, `${param}.content`));
    else if (role === 'user') this.#push({ role, content: readContent(content, `${param}.content`) });
    else throw invalid(`"${param}.role" must be user, assistant, system or developer.`, `${param}.role`);
  }

  #addReferenced({ id }: Fields, param: string): void {
    const item = typeof id === 'string' ? this.find(id) : undefined;
    if (item !== undefined) this.add(item, param);
    // The model can do without what it thought, but not without what it said.
    else if (!String(id).startsWith('rs_'))
      throw invalid(
        `The item ${JSON.stringify(id)} of "${param}" is not known: only recent items are remembered. ` +
          'Send the whole item, which clients do with "store": false.',
        param,
      );
  }

  #openTurn(): Turn {
    return (this.#turn ??= { texts: [], thoughts: [], calls: [] });
  }

  #closeTurn(): void {
    const { texts = [], thoughts = [], calls = [] } = this.#turn ?? {};
    this.#turn = undefined;
    if (texts.length === 0 && calls.length === 0) return;
    this.#messages.push({
      role: 'assistant',
      ...(texts.length === 0 ? {} : { content: texts.join('\n') }),
      ...(thoughts.length === 0 ? {} : { reasoning_content: thoughts.join('\n') }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    });
  }

  #push(message: ChatMessage): void {
    this.#closeTurn();
    this.#messages.push(message);
  }
}

function readCall({ call_id: id, name, arguments: text }: Fields, param: string): ToolCall {
  if (typeof id !== 'string' || typeof name !== 'string' || typeof text !== 'string')
    throw invalid(`"${param}" needs the texts "call_id", "name" and "arguments".`, param);
  return { id, type: 'function', function: { name, arguments: text } };
}

function readOutput({ call_id: id, output }: Fields, param: string): ChatMessage {
  if (typeof id !== 'string') throw invalid(`"${param}" needs the text "call_id".`, `${param}.call_id`);
  return { role: 'tool', tool_call_id: id, content: readContent(output, `${param}.output`) };
}

/** The text of the reasoning itself, else its summary. */
function thoughtOf({ content, summary }: Fields, param: string): string {
  const hasContent = Array.isArray(content) && content.some(isMapping);
  return hasContent ? readText(content, `${param}.content`) : readText(summary, `${param}.summary`);
}
