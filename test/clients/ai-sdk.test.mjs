// npm `ai` with `@ai-sdk/openai-compatible`, unmodified.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embed, embedMany, generateText, Output, stepCountIs, streamText } from 'ai';
import { z } from 'zod';
import { tools } from './ai-tools.mjs';
import { apiKey, describeClient, says } from './engines.mjs';

const prompt = 'Hello?';
const oneCall = { providerOptions: { lamina: { parallel_tool_calls: false } } };

describeClient('ai', ({ server }) => {
  let provider;
  let model;
  before(() => {
    provider = createOpenAICompatible({
      name: 'lamina',
      baseURL: `${server.url}/v1`,
      apiKey,
      includeUsage: true,
      supportsStructuredOutputs: true,
    });
    model = provider('chat');
  });

  it('generateText', async () => {
    const { text, usage, finishReason } = await generateText({ model, prompt, system: 'Be brief.', seed: 1 });
    assert.deepEqual([text, finishReason], [says, 'stop']);
    assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
  });

  it('generateText with reasoning', async () => {
    const { text, reasoningText } = await generateText({ model, prompt: '/think' });
    assert.deepEqual([text.trim(), reasoningText.trim()], ['The answer is forty-two.', 'Let me think hard.']);
  });

  it('streamText with usage', async () => {
    const stream = streamText({ model, prompt });
    assert.equal((await Readable.from(stream.textStream).toArray()).join(''), says);
    assert.ok((await stream.usage).outputTokens > 0);
  });

  it('generateText with tools, in steps', async () => {
    const { text, steps } = await generateText({ model, prompt: '/tool', tools, stopWhen: stepCountIs(2), ...oneCall });
    assert.deepEqual([steps[0].toolResults[0].output, text], ['rain', says]);
  });

  it('streamText with tools, in steps', async () => {
    const stream = streamText({ model, prompt: '/tool', tools, stopWhen: stepCountIs(2), ...oneCall });
    assert.equal(await stream.text, says);
    assert.deepEqual((await stream.steps)[0].toolCalls[0].input, { city: 'Paris' });
  });

  it('structured output', async () => {
    const schema = z.object({ city: z.enum(['Paris', 'Rome']) });
    const { output } = await generateText({ model, prompt, temperature: 0, output: Output.object({ schema }) });
    assert.ok(['Paris', 'Rome'].includes(output.city));
  });

  it('completions', async () => {
    // The client makes a transcript of the prompt, which the tiny models do not answer with their sentence.
    const request = { model: provider.completionModel('chat'), prompt, temperature: 0, maxOutputTokens: 3 };
    const { text, usage, finishReason } = await generateText(request);
    assert.deepEqual([text !== '', usage.outputTokens, finishReason], [true, 3, 'length']);
    assert.equal(await streamText(request).text, text);
  });

  it('embed and embedMany', async () => {
    const embedder = provider.embeddingModel('embed');
    const { embedding } = await embed({ model: embedder, value: 'a text' });
    const { embeddings } = await embedMany({ model: embedder, values: ['a text', 'another'] });
    assert.equal(embedding.length, 64);
    assert.deepEqual(embeddings[0], embedding);
  });

  it('errors have their status', async () => {
    const absent = generateText({ model: provider('absent'), prompt });
    await assert.rejects(absent, (error) => APICallError.isInstance(error) && error.statusCode === 404);
  });
});
