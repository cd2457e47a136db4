// npm `ai` with `@ai-sdk/anthropic`, unmodified.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { createAnthropic } from '@ai-sdk/anthropic';
import { APICallError, generateText, Output, stepCountIs, streamText } from 'ai';
import { tools } from './ai-tools.mjs';
import { apiKey, describeClient, says } from './engines.mjs';
import { city } from './weather.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false; // The client does not know the names of local models.

const prompt = 'Hello?';
const oneCall = { providerOptions: { anthropic: { disableParallelToolUse: true } } };

describeClient(
  '@ai-sdk/anthropic',
  ({ server }) => {
    let provider;
    let model;
    before(() => {
      provider = createAnthropic({ baseURL: `${server.url}/v1`, apiKey });
      model = provider('chat');
    });

    it('generateText', async () => {
      const { text, usage, finishReason } = await generateText({ model, prompt, system: 'Be brief.' });
      assert.deepEqual([text, finishReason], [says, 'stop']);
      assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
    });

    it('streamText ends with the part "finish"', async () => {
      const stream = streamText({ model, prompt });
      const parts = await Readable.from(stream.fullStream).toArray();
      const finish = parts.find(({ type }) => type === 'finish');
      assert.deepEqual([finish?.finishReason, await stream.text], ['stop', says]);
      assert.ok((await stream.usage).outputTokens > 0);
    });

    it('reasoning', async () => {
      const { text, reasoningText } = await generateText({ model, prompt: '/think' });
      assert.deepEqual([text.trim(), reasoningText.trim()], ['The answer is forty-two.', 'Let me think hard.']);
    });

    it('generateText with tools, in steps', async () => {
      const { text, steps } = await generateText({
        model,
        prompt: '/tool',
        tools,
        stopWhen: stepCountIs(2),
        ...oneCall,
      });
      assert.deepEqual([steps[0].toolResults[0].output, text], ['rain', says]);
    });

    it('streamText with tools, in steps', async () => {
      const stream = streamText({ model, prompt: '/tool', tools, stopWhen: stepCountIs(2), ...oneCall });
      assert.equal(await stream.text, says);
      assert.deepEqual((await stream.steps)[0].toolCalls[0].input, { city: 'Paris' });
    });

    it('structured output', async () => {
      // For a model that the client does not know, it is the call of a tool.
      const request = { model, prompt: '/tool', output: Output.object({ schema: city }), ...oneCall };
      assert.deepEqual((await generateText(request)).output, { city: 'Paris' });
      assert.deepEqual(await streamText(request).output, { city: 'Paris' });
    });

    it('abort', async () => {
      const left = new AbortController();
      const stream = streamText({ model, prompt: '/count', abortSignal: left.signal });
      const types = [];
      for await (const { type } of stream.fullStream) {
        if (type === 'text-delta') left.abort();
        types.push(type);
      }
      assert.equal(types.at(-1), 'abort');
    });

    it('errors have their status and message', async () => {
      const absent = generateText({ model: provider('absent'), prompt });
      await assert.rejects(
        absent,
        (error) => APICallError.isInstance(error) && error.statusCode === 404 && /"absent"/.test(error.message),
      );
    });
  },
  { withTranslation: true },
);
