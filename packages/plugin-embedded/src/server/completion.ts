// POST /v1/completions.
import { randomUUID } from 'node:crypto';
import type { GenerateOptions, Token } from './binding.js';
import { finishReason, usageOf } from './chat-answer.js';
import type { Engine, Generator } from './engine.js';
import { prefill } from './prefill.js';
import type { Reply } from './reply.js';
import { readCompletion, type CompletionRequest } from './requests.js';
import { forChoice, generateOptions } from './sampling.js';
import type { Sequences } from './sequences.js';
import { checkTokens, partsOf } from './tokens.js';

/** One choice to generate. */
interface Continuation {
  readonly tokens: readonly Token[];
  readonly options: GenerateOptions;
  /** Whether the prompt counts: it does once, whatever the number of its choices. */
  readonly isFirst: boolean;
}

/** Continues one or several texts; a disconnect of the client ends the computation. */
export async function complete(engine: Engine, { sequences }: Generator, body: unknown, reply: Reply): Promise<void> {
  const request = readCompletion(body);
  const continuations = continuationsOf(request, engine, sequences, reply.signal);
  const streams = request.stream === true;
  const head = {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: engine.name,
  };
  const choices: object[] = [];
  const count = { prompt: 0, generated: 0, cached: 0 };
  for (const [index, continuation] of continuations.entries()) {
    // eslint-disable-next-line no-restricted-syntax -- As OpenAI has it: every choice has a finish_reason.
    const send = (text: string, finish_reason: string | null = null) =>
      reply.event({ ...head, choices: [{ index, text, finish_reason }] });
    const { held, tokens, text, finish_reason } = await generate(
      engine,
      sequences,
      continuation,
      streams ? send : undefined,
    );
    count.generated += tokens;
    if (continuation.isFirst) {
      count.prompt += continuation.tokens.length;
      count.cached += held;
    }
    if (streams) send('', finish_reason);
    choices.push({ index, text, finish_reason });
  }
  const usage = usageOf(count.prompt, count.generated, count.cached);
  if (!streams) return reply.json({ ...head, choices, usage });
  if (request.stream_options?.include_usage !== true) return reply.done({ usage });
  reply.event({ ...head, choices: [], usage });
  reply.done();
}

/** The choices of all prompts, in OpenAI's order. @throws RequestError when one of the prompts is wrong or too long */
function continuationsOf(
  request: CompletionRequest,
  engine: Engine,
  { contextLength }: Sequences,
  signal: AbortSignal,
): readonly Continuation[] {
  const { library, model } = engine;
  return partsOf(request.prompt).flatMap((part) => {
    const tokens = withBeginning(
      typeof part === 'string' ? model.tokenize(part, true) : checkTokens(part, model, 'prompt'),
      engine,
    );
    const options = generateOptions({ request, promptTokens: tokens.length, contextLength, signal }, library, model);
    return Array.from({ length: request.n ?? 1 }, (_, choice) => ({
      tokens,
      options: forChoice(options, choice),
      isFirst: choice === 0,
    }));
  });
}

async function generate(
  engine: Engine,
  sequences: Sequences,
  { tokens, options }: Continuation,
  onText: ((text: string) => void) | undefined,
): Promise<{ held: number; tokens: number; text: string; finish_reason: string }> {
  return sequences.use(tokens, options.signal, async (sequence) => {
    const before = sequence.tokenMeter.getState().usedOutputTokens;
    const session = new engine.library.LlamaCompletion({ contextSequence: sequence });
    try {
      const held = await prefill(sequence, tokens, options.signal);
      const { response, metadata } = await session.generateCompletionWithMeta(withoutBeginning(tokens, engine), {
        ...options,
        ...whole,
        ...(onText === undefined ? {} : { onTextChunk: onText }),
      });
      return {
        held,
        tokens: sequence.tokenMeter.getState().usedOutputTokens - before,
        text: response,
        finish_reason: finishReason(metadata.stopReason),
      };
    } finally {
      session.dispose();
    }
  });
}

/** Never drops a part of the prompt: it was checked that it fits. */
const whole = { disableContextShift: true, contextShiftSize: 1 } as const;

/** A prompt begins as the texts of the model begin. */
function withBeginning(tokens: readonly Token[], { model: { tokens: known } }: Engine): readonly Token[] {
  const { bos, shouldPrependBosToken } = known;
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}

/** The library adds the token that begins a text itself. */
function withoutBeginning(tokens: readonly Token[], { model: { tokens: known } }: Engine): readonly Token[] {
  return known.shouldPrependBosToken && tokens[0] === known.bos ? tokens.slice(1) : tokens;
}
