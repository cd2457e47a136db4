// npm `ai` with `@ai-sdk/openai` and its default model, which uses the Responses API; unmodified.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, generateText, Output, stepCountIs, streamText } from 'ai';
import { z } from 'zod';
import { tools } from './ai-tools.mjs';
import { apiKey, describeClient, says } from './engines.mjs';

const prompt = 'Hello?';
// The tiny model of the embedded engine would make calls without end.
const inSteps = { tools, stopWhen: stepCountIs(3), providerOptions: { openai: { parallelToolCalls: false } } };

describeClient('@ai-sdk/openai', ({ server }) => {
  let provider;
  let model;
  before(() => {
    provider = createOpenAI({ baseURL: `${server.url}/v1`, apiKey });
    model = provider('chat');
  });

  it('generateText', async () => {
    const { text, usage, finishReason } = await generateText({ model, prompt, system: 'Be brief.' });
    assert.deepEqual([text, finishReason], [says, 'stop']);
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  it('generateText with reasoning', async () => {
    const { text, reasoningText } = await generateText({ model, prompt: '/think' });
    assert.deepEqual([text.trim(), reasoningText.trim()], ['The answer is forty-two.', 'Let me think hard.']);
  });

  it('generateText with tools, in steps', async () => {
    const { text, steps } = await generateText({ model, prompt: '/tool', ...inSteps });
    assert.deepEqual([steps[0].toolResults[0].output, text], ['rain', says]);
  });

  it('streamText with usage', async () => {
    const stream = streamText({ model, prompt });
    assert.equal((await Readable.from(stream.textStream).toArray()).join(''), says);
    assert.deepEqual([await stream.finishReason, (await stream.usage).outputTokens > 0], ['stop', true]);
  });

  it('streamText with tools, in steps', async () => {
    const stream = streamText({ model, prompt: '/tool', ...inSteps });
    assert.equal(await stream.text, says);
    const steps = await stream.steps;
    assert.deepEqual([steps.length, steps[0].toolCalls[0].input], [2, { city: 'Paris' }]);
  });

  it('a conversation goes on with references to items', async () => {
    const user = (content) => ({ role: 'user', content });
    const { response } = await generateText({ model, prompt: '/think' });
    const sent = [];
    const next = createOpenAI({
      baseURL: `${server.url}/v1`,
      apiKey,
      fetch: (url, init) => {
        sent.push(...JSON.parse(init.body).input.map(({ type }) => type));
        return fetch(url, init);
      },
    });
    const messages = [user('/think'), ...response.messages, user(prompt)];
    assert.equal((await generateText({ model: next('chat'), messages })).text, says);
    assert.ok(sent.includes('item_reference'));
  });

  it('structured output', async () => {
    const schema = z.object({ city: z.enum(['Paris', 'Rome']) });
    const { output } = await generateText({ model, prompt, temperature: 0, output: Output.object({ schema }) });
    assert.ok(['Paris', 'Rome'].includes(output.city));
  });

  it('a response that is too long', async () => {
    assert.equal((await generateText({ model, prompt, maxOutputTokens: 1 })).finishReason, 'length');
    assert.equal(await streamText({ model, prompt, maxOutputTokens: 1 }).finishReason, 'length');
  });

  it('errors have their status', async () => {
    const absent = generateText({ model: provider('absent'), prompt });
    await assert.rejects(
      absent,
      (error) =>
        APICallError.isInstance(error) && error.statusCode === 404 && /"absent" was not found/.test(error.message),
    );
  });

  it('a stream can be aborted', async () => {
    const client = new AbortController();
    let isAborted = false;
    const stream = streamText({
      model,
      prompt: '/count',
      abortSignal: client.signal,
      onAbort: () => void (isAborted = true),
    });
    for await (const { type } of stream.fullStream) if (type === 'text-delta') client.abort();
    assert.equal(isAborted, true);
    assert.equal((await generateText({ model, prompt })).text, says);
  });
});
