// References to items of earlier responses, which clients send in place of the items.
import assert from 'node:assert/strict';
import { callPiece, keys, ResponsesServer, type Loose } from './support/server.js';

const server = new ResponsesServer();
const question = { role: 'user', content: 'Weather?' };
const result = { type: 'function_call_output', call_id: 'call_a', output: 'rain' };
const reference = (id: string) => ({ type: 'item_reference', id });

/** The output of a first response. */
async function firstOutput(body: object = {}, key?: string): Promise<Loose[]> {
  server.script = { deltas: [{ reasoning_content: 'Hm.' }, { content: 'I look.' }, callPiece(0, '{}', 'call_a', 'f')] };
  return (await server.create({ input: [question], ...body }, key)).output;
}

describe('a reference to an item', () => {
  before(() => server.open());
  after(() => server.close());

  it('stands for the item of an earlier response', async () => {
    const output = await firstOutput();
    const [reasoning, message, call] = output;
    const { error } = await server.create({
      input: [question, reference(reasoning.id), reference(message.id), call, result],
    });
    assert.equal(error, null);
    assert.deepEqual(server.chats.at(-1).messages, [
      question,
      {
        role: 'assistant',
        content: 'I look.',
        reasoning_content: 'Hm.',
        tool_calls: [{ id: 'call_a', type: 'function', function: { name: 'f', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'call_a', content: 'rain' },
    ]);
    await server.create({ input: [question, ...output.map(({ id }) => reference(id)), result] });
    assert.equal(server.chats.at(-1).messages[1].tool_calls[0].id, 'call_a');
  });

  it('is skipped when it is to reasoning that is not known', async () => {
    assert.equal((await server.create({ input: [question, reference('rs_1')] })).error, null);
    assert.deepEqual(server.chats.at(-1).messages, [question]);
  });

  it('is an error when it is to a message or a call that is not known', async () => {
    for (const id of ['msg_1', 'fc_1']) {
      const { error } = await server.create({ input: [question, reference(id)] });
      assert.deepEqual([error.type, error.param], ['invalid_request_error', 'input[1]']);
      assert.match(error.message, new RegExp(`The item "${id}" .* is not known.*"store": false`));
    }
  });

  it('is not known to another key', async () => {
    const [, message] = await firstOutput({}, keys[0]);
    const input = [question, reference(message.id)];
    assert.match((await server.create({ input }, keys[1])).error.message, /is not known/);
    assert.equal((await server.create({ input }, keys[0])).error, null);
  });

  it('is not known when the response was not to be stored', async () => {
    const [, message] = await firstOutput({ store: false });
    assert.match((await server.create({ input: [question, reference(message.id)] })).error.message, /is not known/);
  });

  it('stands for what a client has got of a response that it left', async () => {
    const client = new AbortController();
    const finished = server.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
    const response = await server.post({ model: 'tiny', input: '/count', stream: true }, keys[0], client.signal);
    let text = '';
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    while (!text.includes('output_text.delta')) text += (await reader.read()).value!;
    client.abort();
    await finished;
    const [id] = /msg_\w+/.exec(text)!;
    assert.equal((await server.create({ input: [question, reference(id)] })).error, null);
    assert.match(server.chats.at(-1).messages[1].content, /^tiny:/);
  });
});
