// POST /v1/completions.
import { randomUUID } from 'node:crypto';
import { finishReason, usageOf } from './chat-answer.js';
import type { Engine, Generator } from './engine.js';
import type { Reply } from './reply.js';
import { readCompletion, type CompletionRequest } from './requests.js';
import { generateOptions } from './sampling.js';

/** Goes on with a text; the client's leaving ends the computing. */
export async function complete(engine: Engine, { sequences }: Generator, body: unknown, reply: Reply): Promise<void> {
  const request = readCompletion(body);
  const tokens = tokensOf(request, engine);
  const { library, model } = engine;
  const options = generateOptions({ request, promptTokens: tokens.length, contextLength: sequences.contextLength, signal: reply.signal }, library, model);
  const head = { id: `cmpl-${randomUUID()}`, object: 'text_completion', created: Math.floor(Date.now() / 1000), model: engine.name };
  // eslint-disable-next-line no-restricted-syntax -- As OpenAI has it: every choice has a finish_reason.
  const send = (text: string, finish_reason: string | null = null) => reply.event({ ...head, choices: [{ index: 0, text, finish_reason }] });
  await sequences.use(tokens, reply.signal, async (sequence) => {
    const before = sequence.tokenMeter.getState().usedOutputTokens;
    const session = new library.LlamaCompletion({ contextSequence: sequence });
    try {
      const streams = request.stream === true;
      const { response, metadata } = await session.generateCompletionWithMeta(tokens, { ...options, disableContextShift: true, ...(streams ? { onTextChunk: (text: string) => send(text) } : {}) });
      const usage = usageOf(tokens.length, sequence.tokenMeter.getState().usedOutputTokens - before);
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

/** A text begins as the model's texts begin; tokens are taken as they are. */
function tokensOf({ prompt }: CompletionRequest, { model }: Engine): number[] {
  if (typeof prompt !== 'string') return [...prompt];
  const { bos, shouldPrependBosToken } = model.tokens;
  const tokens = model.tokenize(prompt, true);
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}
