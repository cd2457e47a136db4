// LangChain with `@langchain/openai`, unmodified.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { apiKey, describeClient, says } from './engines.mjs';
import { city, weatherFunction } from './weather.mjs';

const { name, description } = weatherFunction;
const weather = tool(() => 'rain', { name, description, schema: city });

describeClient('langchain', ({ server, unless }) => {
  const options = (model) => ({ model, apiKey, configuration: { baseURL: `${server.url}/v1` } });
  let chat;
  before(() => {
    chat = new ChatOpenAI(options('chat'));
  });

  it('ChatOpenAI.invoke', async () => {
    const { content, usage_metadata } = await chat.invoke('Hello?');
    assert.equal(content, says);
    assert.ok(usage_metadata.output_tokens > 0);
  });

  it('ChatOpenAI.stream with usage', async () => {
    const chunks = await Readable.from(await chat.stream('Hello?')).toArray();
    assert.equal(chunks.map(({ content }) => content).join(''), says);
    assert.ok(chunks.some(({ usage_metadata }) => usage_metadata?.output_tokens > 0));
  });

  it('ChatOpenAI.batch', async () => {
    assert.deepEqual(
      (await chat.batch(['Hello?', 'Hi?'])).map(({ content }) => content),
      [says, says],
    );
  });

  it('ChatOpenAI.bindTools, and the answer to their results', async () => {
    const withTools = chat.bindTools([weather], { parallel_tool_calls: false });
    const asked = new HumanMessage('/tool');
    const called = await withTools.invoke([asked]);
    const [call] = called.tool_calls;
    assert.deepEqual([call.name, call.args], ['get_weather', { city: 'Paris' }]);
    const result = new ToolMessage({ content: await weather.invoke(call.args), tool_call_id: call.id });
    assert.equal((await withTools.invoke([asked, called, result])).content, says);
  });

  it('ChatOpenAI.bindTools, streamed', async () => {
    const chunks = await Readable.from(
      await chat.bindTools([weather], { parallel_tool_calls: false }).stream('/tool'),
    ).toArray();
    const whole = chunks.reduce((sum, chunk) => sum.concat(chunk));
    assert.deepEqual(whole.tool_calls[0].args, { city: 'Paris' });
  });

  it('ChatOpenAI.withStructuredOutput', async () => {
    const place = z.object({ city: z.enum(['Paris', 'Rome']) });
    const asked = new ChatOpenAI({ ...options('chat'), temperature: 0 }).withStructuredOutput(place, {
      method: 'jsonSchema',
    });
    assert.ok(['Paris', 'Rome'].includes((await asked.invoke('Hello?')).city));
  });

  it('ChatOpenAI.generate with n choices', async () => {
    const { generations } = await new ChatOpenAI({ ...options('chat'), n: 2 }).generate([[new HumanMessage('Hello?')]]);
    assert.deepEqual(
      generations[0].map(({ text }) => text),
      [says, says],
    );
  });

  it('OpenAI.invoke', async () => {
    const text = await new OpenAI(options('chat')).invoke('Once');
    assert.equal(text.trim(), says);
  });

  it('OpenAI.generate with several prompts', async () => {
    const { generations } = await new OpenAI(options('chat')).generate(['Once', 'Twice']);
    assert.deepEqual(
      generations.map(([{ text }]) => text.trim()),
      [says, says],
    );
  });

  it('OpenAI.stream', async () => {
    const chunks = await Readable.from(await new OpenAI(options('chat')).stream('Once')).toArray();
    assert.equal(chunks.join('').trim(), says);
  });

  it('OpenAIEmbeddings', async () => {
    const embeddings = new OpenAIEmbeddings(options('embed'));
    const query = await embeddings.embedQuery('a text');
    const documents = await embeddings.embedDocuments(['a text', 'another']);
    assert.deepEqual([query.length, documents.length], [64, 2]);
    documents[0].forEach((value, index) => assert.ok(Math.abs(value - query[index]) < 1e-5));
  });

  unless('llama.cpp', 'llama-server cannot shorten embeddings')('OpenAIEmbeddings with dimensions', async () => {
    const embeddings = new OpenAIEmbeddings({ ...options('embed'), dimensions: 8 });
    assert.equal((await embeddings.embedQuery('a text')).length, 8);
  });

  it('errors have their status', async () => {
    await assert.rejects(new ChatOpenAI(options('absent')).invoke('Hello?'), { status: 404 });
  });
});
