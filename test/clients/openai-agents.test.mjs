// npm `@openai/agents`, unmodified, with the Responses API.
import assert from 'node:assert/strict';
import { Agent, OpenAIProvider, Runner, tool } from '@openai/agents';
import { apiKey, describeClient, says } from './engines.mjs';
import { city, weatherFunction } from './weather.mjs';

describeClient('@openai/agents', ({ server }) => {
  let runner;
  before(() => {
    const modelProvider = new OpenAIProvider({ baseURL: `${server.url}/v1`, apiKey, useResponses: true });
    runner = new Runner({ modelProvider, tracingDisabled: true });
  });

  // The tiny model of the embedded engine would make calls without end.
  const settings = { instructions: 'Be brief.', model: 'chat', modelSettings: { parallelToolCalls: false } };
  const agent = new Agent({ ...settings, name: 'Assistant' });
  const weatherAgent = () => {
    const calls = [];
    const execute = (input) => (calls.push(input), 'rain');
    const { name, description } = weatherFunction;
    const tools = [tool({ name, description, parameters: city, execute })];
    return { calls, asked: new Agent({ ...settings, name: 'Weather', tools }) };
  };

  it('a run', async () => {
    assert.equal((await runner.run(agent, 'Hello?')).finalOutput, says);
  });

  it('a run with a tool', async () => {
    const { calls, asked } = weatherAgent();
    assert.equal((await runner.run(asked, '/tool')).finalOutput, says);
    assert.deepEqual(calls, [{ city: 'Paris' }]);
  });

  it('a streamed run with a tool', async () => {
    const { calls, asked } = weatherAgent();
    const result = await runner.run(asked, '/tool', { stream: true });
    const items = [];
    for await (const event of result) if (event.type === 'run_item_stream_event') items.push(event.name);
    assert.equal(result.finalOutput, says);
    assert.deepEqual(calls, [{ city: 'Paris' }]);
    assert.ok(items.includes('tool_called') && items.includes('tool_output'));
  });

  it('a run that goes on', async () => {
    const first = await runner.run(weatherAgent().asked, '/tool');
    const { finalOutput } = await runner.run(agent, [...first.history, { role: 'user', content: 'Hello?' }]);
    assert.equal(finalOutput, says);
  });
});
