// POST /v1/chat/completions.
import type { ChatOptions, Chatted, Sequence } from './binding.js';
import { ChatAnswer, usageOf } from './chat-answer.js';
import type { Engine, Generator } from './engine.js';
import { RequestError } from './errors.js';
import { grammarFor } from './grammar.js';
import { prefill } from './prefill.js';
import type { Prompt } from './prompt.js';
import type { Reply } from './reply.js';
import { readChat, type ChatRequest } from './requests.js';
import { forChoice, generateOptions } from './sampling.js';
import { toolsFor } from './tools.js';

/** A choice in progress. */
interface Chat {
  readonly engine: Engine;
  readonly prompt: Prompt;
  readonly options: ChatOptions;
}

/** Handles a chat; a disconnect of the client ends the computation. */
export async function chat(
  engine: Engine,
  { prompts, sequences }: Generator,
  body: unknown,
  reply: Reply,
): Promise<void> {
  const request = readChat(body);
  const { tools, functions, mustCall } = toolsFor(request);
  const grammar = await grammarFor(request, engine.llama);
  if (grammar !== undefined && tools.length > 0)
    throw new RequestError(
      400,
      'The embedded engine cannot hold an answer to a format and offer tools at once; leave out "response_format" or "tools".',
      { param: 'response_format' },
    );
  const prompt = prompts.write({ request, tools, functions, mustCall });
  const { contextLength } = sequences;
  const generation = generateOptions(
    { request, promptTokens: prompt.tokens.length, contextLength, signal: reply.signal },
    engine.library,
    engine.model,
  );
  const options = {
    ...generation,
    ...(grammar === undefined ? {} : { grammar }),
    ...(tools.length === 0 ? {} : callOptions(request, functions)),
  };
  const answer = new ChatAnswer(
    reply,
    { on: request.stream === true, usage: request.stream_options?.include_usage === true },
    engine.name,
  );
  let cached: number | undefined;
  let generated = 0;
  // One after the other: each choice finds the prompt computed.
  for (let choice = 0; choice < (request.n ?? 1); choice += 1) {
    const parts = { engine, prompt, options: forChoice(options, choice) };
    await sequences.use(prompt.tokens, reply.signal, async (sequence) => {
      const { held, tokens } = await generate(parts, sequence, answer);
      cached ??= held;
      generated += tokens;
    });
  }
  answer.end(usageOf(prompt.tokens.length, generated, cached ?? 0));
}

function callOptions({ parallel_tool_calls }: ChatRequest, functions: ChatOptions['functions']): Partial<ChatOptions> {
  return {
    ...(functions === undefined ? {} : { functions }),
    ...(parallel_tool_calls === false ? { maxParallelFunctionCalls: 1 } : {}),
  };
}

/** Generates one choice; returns the tokens of the prompt that were already computed, and those of the response. */
async function generate(
  { engine, prompt, options }: Chat,
  sequence: Sequence,
  answer: ChatAnswer,
): Promise<{ readonly held: number; readonly tokens: number }> {
  const before = sequence.tokenMeter.getState().usedOutputTokens;
  const session = new engine.library.LlamaChat({ contextSequence: sequence, chatWrapper: prompt.wrapper });
  const choice = answer.choice();
  try {
    const held = await prefill(sequence, prompt.tokens, options.signal);
    const result = await untilFull(options, (contextShift) =>
      session.generateResponse(prompt.history, {
        ...options,
        contextShift,
        onResponseChunk: ({ type, text }) => choice.text(text, type === 'segment'),
        ...(options.functions === undefined
          ? {}
          : {
              onFunctionCallParamsChunk: ({ callIndex, functionName, paramsChunk }) =>
                choice.argument(callIndex, functionName, paramsChunk),
            }),
      }),
    );
    answer.add(choice, result);
    return { held, tokens: sequence.tokenMeter.getState().usedOutputTokens - before };
  } finally {
    session.dispose();
  }
}

/**
 * Calls are not counted in `maxTokens`; with a full context the library would forget the beginning. The answer ends
 * there instead.
 */
async function untilFull(
  { signal }: ChatOptions,
  run: (contextShift: NonNullable<ChatOptions['contextShift']>) => Promise<Chatted>,
): Promise<Chatted> {
  let isFull = false;
  const size = () => {
    isFull = true;
    return 1;
  };
  try {
    return await run({ size });
  } catch (error) {
    if (!isFull || signal.aborted) throw error;
    return { response: '', metadata: { stopReason: 'maxTokens' } };
  }
}
