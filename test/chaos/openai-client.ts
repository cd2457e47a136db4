// OpenAI's own client, unmodified: chats, streams, completions and lists.
import OpenAI from 'openai';
import { Agent, fetch, type RequestInit } from 'undici';
import { attempt, pick, pickModel, repeat, WrongResponse, type Chaos } from './context.js';
import { expectText } from './chats.js';
import { chatModels, knownAnswer } from './models.js';
import { keys } from './settings.js';

const messages = [{ role: 'user' as const, content: 'hi' }];

/** One client that sends every kind of request, one after the other. */
export function openaiClient(chaos: Chaos): Promise<void> {
  return repeat(chaos, 300, async () => {
    // Its connections end with it: those of the global fetch would stay open, and count as descriptors of the
    // server.
    const dispatcher = new Agent();
    const fetchThere = ((url: string, init: RequestInit) =>
      fetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch;
    const openai = new OpenAI({
      baseURL: `${chaos.server.url}/v1`,
      apiKey: keys.inference,
      maxRetries: 0,
      fetch: fetchThere,
    });
    await pick(chaos, [chat, stream, disconnectDuringStream, list])(chaos, openai);
    await dispatcher.destroy();
  });
}

function chat(chaos: Chaos, openai: OpenAI): Promise<boolean> {
  const model = pickModel(chaos);
  return attempt(chaos, { client: 'openai', model }, async (signal) => {
    const answer = await openai.chat.completions.create(
      { model, messages, temperature: 0, max_tokens: 64 },
      { signal },
    );
    expectText(answer.choices[0]?.message.content ?? undefined, knownAnswer(model));
  });
}

function stream(chaos: Chaos, openai: OpenAI): Promise<boolean> {
  const model = pickModel(chaos);
  return attempt(chaos, { client: 'openai, streamed', model }, async (signal) => {
    const body = { model, messages, temperature: 0, max_tokens: 64, stream: true as const };
    let text = '';
    let finish: string | null | undefined;
    for await (const chunk of await openai.chat.completions.create(body, { signal })) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expectText(text, knownAnswer(model));
    if (finish !== 'stop') throw new WrongResponse(`finish_reason ${String(finish)}`);
  });
}

function disconnectDuringStream(chaos: Chaos, openai: OpenAI): Promise<boolean> {
  const model = pickModel(chaos);
  const cancelAfter = chaos.random() * 1000;
  return attempt(chaos, { client: 'openai, leaves', model, cancelAfter }, async (signal) => {
    const body = {
      model,
      messages: [{ role: 'user' as const, content: '/count' }],
      max_tokens: 150,
      stream: true as const,
    };
    for await (const chunk of await openai.chat.completions.create(body, { signal }))
      if (chunk.choices.length > 9) break;
  });
}

function list(chaos: Chaos, openai: OpenAI): Promise<boolean> {
  return attempt(chaos, { client: 'openai, list' }, async (signal) => {
    const ids = (await openai.models.list({ signal })).data.map(({ id }) => id);
    const missing = chatModels.filter((name) => !ids.includes(name));
    const edited = chaos.disturbances.happened(['half a file'], Date.now() - 10_000);
    if (missing.length > 0 && !edited)
      throw new WrongResponse(`the list lacks ${missing.join(', ')}: ${ids.join(', ')}`);
  });
}
