// Builds the response to a chat in OpenAI's format: chunk by chunk, or as a whole at its end.
import { randomUUID } from 'node:crypto';
import type { Chatted } from './binding.js';
import type { Reply } from './reply.js';

/** The library's stop reason → OpenAI's finish reason. */
const finishReasons: Readonly<Record<string, string>> = { maxTokens: 'length', functionCalls: 'tool_calls' };

/** The tokens of prompt and response. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Tokens of the prompt that were already computed. */
  readonly prompt_tokens_details: { readonly cached_tokens: number };
}

/** OpenAI's finish reason for the library's stop reason. */
export function finishReason(stopReason: string): string {
  return finishReasons[stopReason] ?? 'stop';
}

/** The usage of a request; its prompts count once, whatever the number of choices. */
export function usageOf(promptTokens: number, completionTokens: number, cachedTokens: number): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

interface Call {
  readonly id: string;
  readonly name: string;
  arguments: string;
}

/** Collects the choices of a response, and sends each chunk at once when the client asked for a stream. */
export class ChatAnswer {
  private readonly head: { readonly id: string; readonly created: number; readonly model: string };
  private readonly choices: object[] = [];

  constructor(
    private readonly reply: Reply,
    private readonly stream: { readonly on: boolean; readonly usage: boolean },
    model: string,
  ) {
    this.head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
  }

  /** Begins the next choice. */
  choice(): ChatChoice {
    const index = this.choices.length;
    return new ChatChoice((delta, finish) => this.send(index, delta, finish));
  }

  /** Ends a choice with its message. */
  add(choice: ChatChoice, result: Chatted): void {
    const { message, finish_reason } = choice.end(result);
    this.choices.push({ index: this.choices.length, message, finish_reason });
  }

  end(usage: Usage): void {
    if (!this.stream.on)
      return this.reply.json({ ...this.head, object: 'chat.completion', choices: this.choices, usage });
    if (!this.stream.usage) return this.reply.done({ usage });
    this.reply.event({ ...this.head, object: 'chat.completion.chunk', choices: [], usage });
    this.reply.done();
  }

  private send(index: number, delta: object, finish?: string): void {
    if (!this.stream.on) return;
    this.reply.event({
      ...this.head,
      object: 'chat.completion.chunk',
      // eslint-disable-next-line no-restricted-syntax -- As OpenAI has it: every chunk has a finish_reason.
      choices: [{ index, delta, finish_reason: finish ?? null }],
    });
  }
}

/** One choice in progress. */
class ChatChoice {
  private readonly calls: Call[] = [];
  private content = '';
  private thoughts = '';

  constructor(private readonly send: (delta: object, finish?: string) => void) {
    send({ role: 'assistant', content: '' });
  }

  text(text: string, isThought: boolean): void {
    if (text === '') return;
    if (isThought) this.thoughts += text;
    else this.content += text;
    this.send(isThought ? { reasoning_content: text } : { content: text });
  }

  /** A part of the arguments of a call. */
  argument(index: number, name: string, text: string): void {
    const call = this.call(index, name);
    if (text === '') return;
    call.arguments += text;
    this.send({ tool_calls: [{ index, function: { arguments: text } }] });
  }

  end({ metadata, functionCalls = [] }: Chatted): { readonly message: object; readonly finish_reason: string } {
    functionCalls.forEach(({ functionName, params }, index) => {
      const call = this.call(index, functionName);
      if (call.arguments === '') this.argument(index, functionName, JSON.stringify(params ?? {}));
      // The grammar allows blanks at the end; a complete answer is sent without them.
      call.arguments = JSON.stringify(params ?? {});
    });
    const finish_reason = finishReason(
      this.calls.length > 0 && metadata.stopReason !== 'maxTokens' ? 'functionCalls' : metadata.stopReason,
    );
    this.send({}, finish_reason);
    return { message: this.message(), finish_reason };
  }

  private call(index: number, name: string): Call {
    const known = this.calls[index];
    if (known !== undefined) return known;
    const call = { id: `call_${randomUUID().replaceAll('-', '')}`, name, arguments: '' };
    this.calls[index] = call;
    this.send({ tool_calls: [{ index, id: call.id, type: 'function', function: { name, arguments: '' } }] });
    return call;
  }

  private message(): object {
    const tool_calls = this.calls.map(({ id, name, arguments: given }) => ({
      id,
      type: 'function',
      function: { name, arguments: given },
    }));
    return {
      role: 'assistant',
      content: this.content,
      ...(this.thoughts === '' ? {} : { reasoning_content: this.thoughts }),
      ...(tool_calls.length === 0 ? {} : { tool_calls }),
    };
  }
}
