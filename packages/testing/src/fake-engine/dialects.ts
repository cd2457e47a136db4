// Response formats of the routes that generate text, complete and streamed, as documented by OpenAI and Anthropic.

/** What was generated, so far or in all. */
export interface Answer {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Whether the client asked for the usage of a stream. */
  readonly includeUsage: boolean;
}

/** One route's shapes. A frame is what goes over the wire, up to and including its blank line. */
export interface Dialect {
  /** The field of a request that holds what to answer. */
  readonly input: 'messages' | 'prompt' | 'input';
  whole(answer: Answer): object;
  /** Frames before the first chunk. */
  open(answer: Answer): string[];
  chunk(answer: Answer, text: string): string;
  /** What the model thinks; of the routes that tell it. */
  reasoning?(answer: Answer, text: string): string;
  /** Frames after the last chunk. */
  close(answer: Answer): string[];
}

const data = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;
const event = (value: { type: string; [field: string]: unknown }): string => `event: ${value.type}\n${data(value)}`;
const done = 'data: [DONE]\n\n';

function openAiUsage(answer: Answer): object {
  const { promptTokens, completionTokens } = answer;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function openAiClose(frame: (choices: object[], more?: object) => string, last: object, answer: Answer): string[] {
  const usage = answer.includeUsage ? [frame([], { usage: openAiUsage(answer) })] : [];
  return [frame([last]), ...usage, done];
}

const chatFrame =
  (answer: Answer) =>
  (choices: object[], more: object = {}) =>
    data({ id: answer.id, object: 'chat.completion.chunk', created: 1, model: answer.model, choices, ...more });

const chat: Dialect = {
  input: 'messages',
  whole: (answer) => ({
    id: answer.id,
    object: 'chat.completion',
    created: 1,
    model: answer.model,
    choices: [{ index: 0, message: { role: 'assistant', content: answer.text }, finish_reason: answer.finish }],
    usage: openAiUsage(answer),
  }),
  open: (answer) => [
    chatFrame(answer)([{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }]),
  ],
  chunk: (answer, text) => chatFrame(answer)([{ index: 0, delta: { content: text }, finish_reason: null }]),
  reasoning: (answer, text) =>
    chatFrame(answer)([{ index: 0, delta: { reasoning_content: text }, finish_reason: null }]),
  close: (answer) => openAiClose(chatFrame(answer), { index: 0, delta: {}, finish_reason: answer.finish }, answer),
};

const textFrame =
  (answer: Answer) =>
  (choices: object[], more: object = {}) =>
    data({ id: answer.id, object: 'text_completion', created: 1, model: answer.model, choices, ...more });

const completion: Dialect = {
  input: 'prompt',
  whole: (answer) => ({
    id: answer.id,
    object: 'text_completion',
    created: 1,
    model: answer.model,
    choices: [{ index: 0, text: answer.text, logprobs: null, finish_reason: answer.finish }],
    usage: openAiUsage(answer),
  }),
  open: () => [],
  chunk: (answer, text) => textFrame(answer)([{ index: 0, text, finish_reason: null }]),
  close: (answer) => openAiClose(textFrame(answer), { index: 0, text: '', finish_reason: answer.finish }, answer),
};

function message(answer: Answer, text: string): object {
  const stop = answer.finish === 'stop' ? 'end_turn' : 'max_tokens';
  const usage = { input_tokens: answer.promptTokens, output_tokens: answer.completionTokens };
  return {
    id: answer.id,
    type: 'message',
    role: 'assistant',
    model: answer.model,
    content: text === '' ? [] : [{ type: 'text', text }],
    stop_reason: stop,
    usage,
  };
}

const messages: Dialect = {
  input: 'messages',
  whole: (answer) => message(answer, answer.text),
  open: (answer) => [
    event({ type: 'message_start', message: { ...message(answer, ''), stop_reason: null } }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
  ],
  chunk: (_answer, text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  close: (answer) => [
    event({ type: 'content_block_stop', index: 0 }),
    event({
      type: 'message_delta',
      delta: { stop_reason: answer.finish === 'stop' ? 'end_turn' : 'max_tokens' },
      usage: { output_tokens: answer.completionTokens },
    }),
    event({ type: 'message_stop' }),
  ],
};

function response(answer: Answer, status: string): object {
  const { promptTokens, completionTokens } = answer;
  return {
    id: answer.id,
    object: 'response',
    created_at: 1,
    model: answer.model,
    status,
    output: [
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: answer.text, annotations: [] }] },
    ],
    usage: {
      input_tokens: promptTokens,
      output_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    },
  };
}

const responses: Dialect = {
  input: 'input',
  whole: (answer) => response(answer, 'completed'),
  open: (answer) => [event({ type: 'response.created', response: response(answer, 'in_progress') })],
  chunk: (_answer, text) =>
    event({ type: 'response.output_text.delta', output_index: 0, content_index: 0, delta: text }),
  close: (answer) => [event({ type: 'response.completed', response: response(answer, 'completed') })],
};

/** Path → its shapes. */
export const dialects: Readonly<Record<string, Dialect>> = {
  '/v1/chat/completions': chat,
  '/v1/completions': completion,
  '/v1/messages': messages,
  '/v1/responses': responses,
};
