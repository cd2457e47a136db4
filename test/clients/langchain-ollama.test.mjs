// LangChain with `@langchain/ollama`, unmodified.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOllama, Ollama, OllamaEmbeddings } from '@langchain/ollama';
import { z } from 'zod';
import { apiKey, describeClient, says } from './engines.mjs';
import { city, weatherFunction } from './weather.mjs';

const { name, description } = weatherFunction;
const weather = tool(() => 'rain', { name, description, schema: city });

describeClient('langchain (ollama)', ({ server }) => {
  const options = (model) => ({ model, baseUrl: server.url, headers: { Authorization: `Bearer ${apiKey}` } });
  let chat;
  before(() => {
    chat = new ChatOllama({ ...options('chat'), numCtx: 1024, temperature: 0 });
  });

  it('ChatOllama.invoke', async () => {
    const { content, usage_metadata } = await chat.invoke('Hello?');
    assert.equal(content.trim(), says);
    assert.ok(usage_metadata.output_tokens > 0);
  });

  it('ChatOllama.stream', async () => {
    const chunks = await Readable.from(await chat.stream('Hello?')).toArray();
    assert.equal(
      chunks
        .map(({ content }) => content)
        .join('')
        .trim(),
      says,
    );
    assert.ok(chunks.length > 2);
  });

  it('ChatOllama.bindTools, and the answer to their results', async () => {
    const withTools = chat.bindTools([weather]);
    const asked = new HumanMessage('/tool');
    const called = await withTools.invoke([asked]);
    const [call] = called.tool_calls;
    assert.deepEqual([call.name, call.args], ['get_weather', { city: 'Paris' }]);
    const result = new ToolMessage({
      content: await weather.invoke(call.args),
      tool_call_id: call.id,
      name: call.name,
    });
    assert.equal((await withTools.invoke([asked, called, result])).content.trim(), says);
  });

  it('ChatOllama.withStructuredOutput', async () => {
    const place = z.object({ city: z.enum(['Paris', 'Rome']) });
    const found = await chat.withStructuredOutput(place, { method: 'jsonSchema' }).invoke('Where?');
    assert.ok(['Paris', 'Rome'].includes(found.city));
  });

  it('Ollama.invoke', async () => {
    assert.equal((await new Ollama(options('chat')).invoke('Hello?')).trim(), says);
  });

  it('OllamaEmbeddings', async () => {
    const embeddings = new OllamaEmbeddings(options('embed'));
    const vectors = await embeddings.embedDocuments(['a text', 'another']);
    assert.deepEqual(
      vectors.map((vector) => vector.length),
      [64, 64],
    );
    assert.equal((await embeddings.embedQuery('a text')).length, 64);
  });

  it('errors have the class of the client', async () => {
    await assert.rejects(new ChatOllama(options('none')).invoke('Hello?'), { message: "model 'none' not found" });
  });
});
