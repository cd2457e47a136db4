// POST /v1/completions.
import { randomUUID } from 'node:crypto';
import { finishReason, usageOf } from './chat-answer.js';
import type { Engine, Generator } from './engine.js';
import { prefill } from './prefill.js';
import type { Reply } from './reply.js';
import { readCompletion, type CompletionRequest } from './requests.js';
import { generateOptions } from './sampling.js';

/** Continues a text; a disconnect of the client ends the computation. */
export async function complete(engine: Engine, { sequences }: Generator, body: unknown, reply: Reply): Promise<void> {
  const request = readCompletion(body);
  const tokens = tokensOf(request, engine);
  const { library, model } = engine;
  const options = generateOptions(
    { request, promptTokens: tokens.length, contextLength: sequences.contextLength, signal: reply.signal },
    library,
    model,
  );
  const head = {
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    created: Math.floor(Date.now() / 1000),
    model: engine.name,
  };
  // eslint-disable-next-line no-restricted-syntax -- As OpenAI has it: every choice has a finish_reason.
  const send = (text: string, finish_reason: string | null = null) =>
    reply.event({ ...head, choices: [{ index: 0, text, finish_reason }] });
  await sequences.use(tokens, reply.signal, async (sequence) => {
    const before = sequence.tokenMeter.getState().usedOutputTokens;
    const session = new library.LlamaCompletion({ contextSequence: sequence });
    try {
      const held = await prefill(sequence, tokens, reply.signal);
      const streams = request.stream === true;
      const { response, metadata } = await session.generateCompletionWithMeta(withoutBeginning(tokens, engine), {
        ...options,
        ...whole,
        ...(streams ? { onTextChunk: (text: string) => send(text) } : {}),
      });
      const usage = usageOf(tokens.length, sequence.tokenMeter.getState().usedOutputTokens - before, held);
      const finish_reason = finishReason(metadata.stopReason);
      if (!streams) return reply.json({ ...head, choices: [{ index: 0, text: response, finish_reason }], usage });
      send('', finish_reason);
      if (request.stream_options?.include_usage === true) reply.event({ ...head, choices: [], usage });
      reply.done();
    } finally {
      session.dispose();
    }
  });
}

/** Never drops a part of the prompt: it was checked that it fits. */
const whole = { disableContextShift: true, contextShiftSize: 1 } as const;

/** The library adds the token that begins a text itself. */
function withoutBeginning(tokens: readonly number[], { model: { tokens: known } }: Engine): readonly number[] {
  return known.shouldPrependBosToken && tokens[0] === known.bos ? tokens.slice(1) : tokens;
}

/** A prompt begins as the texts of the model begin. */
function tokensOf({ prompt }: CompletionRequest, { model }: Engine): number[] {
  const { bos, shouldPrependBosToken } = model.tokens;
  const tokens = typeof prompt === 'string' ? model.tokenize(prompt, true) : [...prompt];
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}
