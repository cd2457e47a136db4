// Reads chat responses, complete or streamed, like OpenAI's clients.
import assert from 'node:assert/strict';
import type { ModelServer } from '@lamina/core/plugin';
import { longChatOf } from './kit.js';
import type { Stage } from './stage.js';

/** A chat response. */
export interface ChatAnswer {
  readonly text: string;
  readonly finish: string | undefined;
  readonly completionTokens: number | undefined;
}

/** A streamed chat response with its events. */
export interface ChatStream extends ChatAnswer {
  /** The data of every event, in order. */
  readonly data: readonly string[];
  readonly textAfterFinish: boolean;
}

interface Choice {
  readonly finish_reason?: string | null;
  readonly message?: { readonly content?: string | null };
  readonly delta?: { readonly content?: string | null };
}

interface ChatBody {
  readonly choices?: readonly Choice[];
  readonly usage?: { readonly completion_tokens?: number } | null;
}

/** Reads a complete response. */
export function readAnswer(text: string): ChatAnswer {
  const body = JSON.parse(text) as ChatBody;
  const choice = body.choices?.[0];
  return {
    text: choice?.message?.content ?? '',
    finish: choice?.finish_reason ?? undefined,
    completionTokens: body.usage?.completion_tokens,
  };
}

/** Reads a stream to its end, or with `untilText` up to its first text; the rest can be read later. */
export async function readStream(events: AsyncIterator<string>, { untilText = false } = {}): Promise<ChatStream> {
  let stream: ChatStream = {
    text: '',
    finish: undefined,
    completionTokens: undefined,
    data: [],
    textAfterFinish: false,
  };
  for (let event = await events.next(); event.done !== true; event = await events.next()) {
    stream = withEvent(stream, event.value);
    if (untilText && stream.text !== '') break;
  }
  return stream;
}

/**
 * Starts a long response and reads its first text; the iterator has the rest.
 * @throws AssertionError when no text arrives in time, or the response ends with it
 */
export async function longStream(
  stage: Stage,
  server: ModelServer,
  caller?: AbortSignal,
): Promise<AsyncIterator<string>> {
  const limit = AbortSignal.timeout(stage.limits.answerMs);
  const signal = caller === undefined ? limit : AbortSignal.any([caller, limit]);
  const events = stage.stream(server, await stage.kit.model(), longChatOf(stage.kit), signal);
  try {
    const { finish } = await readStream(events, { untilText: true });
    assert.equal(finish, undefined, 'The long chat ended at once; give the kit a longChat that lasts for seconds.');
  } catch (error) {
    if (!limit.aborted) throw error;
    assert.fail(
      `No text of a long response arrived within ${stage.limits.answerMs} ms. Send each token when it is made, not all at the end.`,
    );
  }
  return events;
}

function withEvent(stream: ChatStream, data: string): ChatStream {
  const body = data === '[DONE]' ? {} : (JSON.parse(data) as ChatBody);
  const choice = body.choices?.[0];
  const text = choice?.delta?.content ?? '';
  return {
    text: stream.text + text,
    finish: choice?.finish_reason ?? stream.finish,
    completionTokens: body.usage?.completion_tokens ?? stream.completionTokens,
    data: [...stream.data, data],
    textAfterFinish: stream.textAfterFinish || (text !== '' && stream.finish !== undefined),
  };
}
