// The events of a streamed response, and the response that is not streamed.
import assert from 'node:assert/strict';
import { callPiece, keys, ResponsesServer, type Loose } from './support/server.js';

const server = new ResponsesServer();
const usage = {
  prompt_tokens: 7,
  completion_tokens: 3,
  total_tokens: 10,
  prompt_tokens_details: { cached_tokens: 4 },
  completion_tokens_details: { reasoning_tokens: 2 },
};
const everything = {
  deltas: [
    { role: 'assistant', reasoning_content: 'Let me ' },
    { reasoning_content: 'look.' },
    { content: 'I ' },
    { content: 'look.' },
    callPiece(0, '{"city":', 'call_a', 'weather'),
    callPiece(0, '"Berlin"}'),
    callPiece(1, '{}', 'call_b', 'time'),
  ],
  finish: 'tool_calls',
  usage,
};

/** Events without ids and the whole response, which other tests check. */
const outline = (events: readonly Loose[]) =>
  events.map(({ type, output_index, delta }) =>
    [type.replace('response.', ''), output_index, delta].filter((one) => one !== undefined),
  );
const last = (events: readonly Loose[]) => events.at(-1).response;

describe('a response', () => {
  before(() => server.open());
  after(() => server.close());

  it('is streamed in the events of the API, one item after the other', async () => {
    server.script = everything;
    assert.deepEqual(outline(await server.stream({})), [
      ['created'],
      ['in_progress'],
      ['output_item.added', 0],
      ['reasoning_summary_part.added', 0],
      ['reasoning_summary_text.delta', 0, 'Let me '],
      ['reasoning_summary_text.delta', 0, 'look.'],
      ['reasoning_summary_text.done', 0],
      ['reasoning_summary_part.done', 0],
      ['output_item.done', 0],
      ['output_item.added', 1],
      ['content_part.added', 1],
      ['output_text.delta', 1, 'I '],
      ['output_text.delta', 1, 'look.'],
      ['output_text.done', 1],
      ['content_part.done', 1],
      ['output_item.done', 1],
      ['output_item.added', 2],
      ['function_call_arguments.delta', 2, '{"city":'],
      ['function_call_arguments.delta', 2, '"Berlin"}'],
      ['function_call_arguments.done', 2],
      ['output_item.done', 2],
      ['output_item.added', 3],
      ['function_call_arguments.delta', 3, '{}'],
      ['function_call_arguments.done', 3],
      ['output_item.done', 3],
      ['completed'],
    ]);
  });

  it('has the same ids from the first event to the last, and numbered events', async () => {
    server.script = everything;
    const events = await server.stream({});
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, index) => index),
    );
    const responses = events.filter(({ response }) => response !== undefined).map(({ response }) => response);
    assert.equal(new Set(responses.map(({ id }) => id)).size, 1);
    assert.match(responses[0].id, /^resp_\w{32}$/);
    const { output } = last(events);
    assert.deepEqual(
      output.map(({ id }: Loose) => id.replace(/\w{32}$/, '')),
      ['rs_', 'msg_', 'fc_', 'fc_'],
    );
    for (const { output_index, item, item_id = item?.id } of events.filter((event) => 'output_index' in event))
      assert.equal(item_id, output[output_index].id);
    const done = events.filter(({ type }) => type === 'response.output_item.done');
    assert.deepEqual(
      done.map(({ item }) => item),
      output,
    );
  });

  it('has its items in full in the events that begin and end them', async () => {
    server.script = everything;
    const events = await server.stream({});
    const ofItem = (index: number) =>
      events
        .filter(({ output_index }) => output_index === index)
        .map(({ sequence_number: _, output_index: _index, ...event }) => event);
    const [reasoning, message, call] = last(events).output;
    const thought = { type: 'summary_text', text: 'Let me look.' };
    const summary = { item_id: reasoning.id, summary_index: 0 };
    assert.deepEqual(reasoning, { id: reasoning.id, type: 'reasoning', summary: [thought] });
    assert.deepEqual(ofItem(0).slice(0, 2), [
      { type: 'response.output_item.added', item: { ...reasoning, summary: [] } },
      { type: 'response.reasoning_summary_part.added', ...summary, part: { ...thought, text: '' } },
    ]);
    assert.deepEqual(ofItem(0).slice(-3, -1), [
      { type: 'response.reasoning_summary_text.done', ...summary, text: 'Let me look.' },
      { type: 'response.reasoning_summary_part.done', ...summary, part: thought },
    ]);
    const part = { type: 'output_text', text: 'I look.', annotations: [], logprobs: [] };
    const content = { item_id: message.id, content_index: 0 };
    assert.deepEqual(message, {
      id: message.id,
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [part],
    });
    assert.deepEqual(ofItem(1).slice(0, 3), [
      { type: 'response.output_item.added', item: { ...message, status: 'in_progress', content: [] } },
      { type: 'response.content_part.added', ...content, part: { ...part, text: '' } },
      { type: 'response.output_text.delta', ...content, delta: 'I ', logprobs: [] },
    ]);
    assert.deepEqual(ofItem(1).slice(-3, -1), [
      { type: 'response.output_text.done', ...content, text: 'I look.', logprobs: [] },
      { type: 'response.content_part.done', ...content, part },
    ]);
    const text = '{"city":"Berlin"}';
    assert.deepEqual(call, {
      id: call.id,
      type: 'function_call',
      status: 'completed',
      call_id: 'call_a',
      name: 'weather',
      arguments: text,
    });
    assert.deepEqual(ofItem(2).slice(0, 1), [
      { type: 'response.output_item.added', item: { ...call, status: 'in_progress', arguments: '' } },
    ]);
    assert.deepEqual(ofItem(2).slice(-2, -1), [
      { type: 'response.function_call_arguments.done', item_id: call.id, name: 'weather', arguments: text },
    ]);
  });

  it('says what was asked, and has the token counts', async () => {
    server.script = everything;
    const before = Math.floor(Date.now() / 1000);
    const asked = {
      instructions: 'Be brief.',
      max_output_tokens: 50,
      temperature: 0.5,
      metadata: { trip: '1' },
      reasoning: { effort: 'low' },
      tools: [{ type: 'web_search' }],
      user: 'someone',
    };
    const { id, created_at, completed_at, output, ...response } = await server.create({ input: 'Hi', ...asked });
    assert.ok(typeof id === 'string' && output.length === 4);
    assert.ok(created_at >= before && completed_at >= created_at);
    assert.deepEqual(response, {
      ...asked,
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      model: 'scripted',
      parallel_tool_calls: true,
      previous_response_id: null,
      reasoning: { effort: 'low', summary: null },
      store: false,
      text: { format: { type: 'text' } },
      tool_choice: 'auto',
      top_p: 1,
      truncation: 'disabled',
      usage: {
        input_tokens: 7,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 2 },
        total_tokens: 10,
      },
    });
  });

  it('begins without output, and is the same streamed and not streamed', async () => {
    server.script = everything;
    const events = await server.stream({});
    assert.deepEqual(
      events
        .slice(0, 2)
        .map(({ response }) => [response.status, response.output, response.usage, response.completed_at]),
      [
        ['in_progress', [], null, null],
        ['in_progress', [], null, null],
      ],
    );
    const withoutIds = ({ id: _id, created_at: _at, completed_at: _end, output, ...response }: Loose) => ({
      ...response,
      output: output.map(({ id: _item, ...item }: Loose) => item),
    });
    assert.deepEqual(withoutIds(await server.create({ input: 'Hi' })), withoutIds(last(events)));
  });

  it('is answered by the fake engine, also below a base URL without /v1', async () => {
    const { output, usage } = await server.create({ model: 'tiny', input: 'Hi' });
    assert.equal(output[0].content[0].text, 'tiny: 1 2 3 4');
    assert.equal(usage.output_tokens, 5);
    const answer = await fetch(`${server.url}/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys[0]}` },
      body: JSON.stringify({ model: 'tiny', input: 'Hi' }),
    });
    assert.equal(((await answer.json()) as Loose).output[0].content[0].text, 'tiny: 1 2 3 4');
  });

  it('that reaches its limit is incomplete, and so is its last item', async () => {
    const events = await server.stream({ model: 'tiny', max_output_tokens: 1 });
    assert.equal(events.at(-1).type, 'response.incomplete');
    const { status, incomplete_details, completed_at, output } = last(events);
    assert.deepEqual([status, incomplete_details, completed_at], ['incomplete', { reason: 'max_output_tokens' }, null]);
    assert.deepEqual([output[0].status, output[0].content[0].text], ['incomplete', 'tiny:']);
    assert.deepEqual(events.at(-2).item, output[0]);
    server.script = { deltas: [{ content: 'No' }], finish: 'content_filter' };
    assert.deepEqual((await server.create({ input: 'Hi' })).incomplete_details, { reason: 'content_filter' });
  });

  it('does not end a call that is cut off, because clients would run it', async () => {
    server.script = { deltas: [callPiece(0, '{"ci', 'call_a', 'weather')], finish: 'length' };
    const events = await server.stream({});
    assert.deepEqual(outline(events).slice(2), [
      ['output_item.added', 0],
      ['function_call_arguments.delta', 0, '{"ci'],
      ['incomplete'],
    ]);
    assert.deepEqual([last(events).output[0].status, last(events).output[0].arguments], ['incomplete', '{"ci']);
  });

  it('gives text after a call an item of its own', async () => {
    server.script = { deltas: [{ content: 'a' }, callPiece(0, '{}', 'call_a', 'f'), { content: 'b' }] };
    const { output } = await server.create({ input: 'Hi' });
    assert.deepEqual(
      output.map(({ type }: Loose) => type),
      ['message', 'function_call', 'message'],
    );
  });

  it('gives a call without arguments an empty object', async () => {
    server.script = { deltas: [callPiece(0, '', 'call_a', 'now')] };
    const events = await server.stream({});
    assert.equal(last(events).output[0].arguments, '{}');
    assert.equal(events.find(({ type }) => type.endsWith('arguments.delta')).delta, '{}');
  });

  it('passes on arguments that are not JSON', async () => {
    server.script = { deltas: [callPiece(0, '{"a', 'call_a', 'f')] };
    assert.equal((await server.create({ input: 'Hi' })).output[0].arguments, '{"a');
  });

  it('has an empty message when the model says nothing', async () => {
    server.script = { deltas: [] };
    const { status, output } = await server.create({ input: 'Hi' });
    assert.deepEqual([status, output[0].type, output[0].content[0].text], ['completed', 'message', '']);
  });

  it('fails when the engine mixes the pieces of two calls, instead of losing some', async () => {
    server.script = {
      deltas: [callPiece(0, '{', 'call_a', 'f'), callPiece(1, '{}', 'call_b', 'g'), callPiece(0, '}')],
    };
    const response = await server.post({ input: 'Hi' });
    assert.equal(response.status, 502);
    assert.match(
      ((await response.json()) as Loose).error.message,
      /continued its call of "f" after it had begun another/,
    );
  });

  it('that breaks off ends with response.failed', async () => {
    const events = await server.stream({ model: 'dying' });
    const { type, sequence_number } = events.at(-1);
    assert.deepEqual([type, sequence_number], ['response.failed', events.length - 1]);
    const { status, error, output } = last(events);
    assert.deepEqual([status, error.code], ['failed', 'server_error']);
    assert.match(error.message, /"dying" exited/);
    assert.deepEqual([output[0].status, output[0].id], ['incomplete', events[2].item.id]);
  });

  it('ends the work of the engine when its client leaves', async () => {
    const client = new AbortController();
    const finished = server.lamina.events.once('request.finished', { signal: AbortSignal.timeout(5000) });
    const response = await server.post({ model: 'tiny', input: '/count', stream: true }, keys[0], client.signal);
    await response.body!.getReader().read();
    client.abort();
    assert.equal((await finished).status, 499);
  });
});
