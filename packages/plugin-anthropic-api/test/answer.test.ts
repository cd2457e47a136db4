// What Anthropic's clients get of an engine's answer, whole and streamed.
import assert from 'node:assert/strict';
import { call, eventsOf, finish, reasoning, TestApi, text, usage, type Step } from './api.js';

const start = (model = 'scripted') => ({
  type: 'message',
  role: 'assistant',
  model,
  content: [],
  stop_reason: null,
  stop_sequence: null,
});

describe('an answer of the Messages API', () => {
  let api: TestApi;
  before(async () => void (api = await TestApi.open()));
  beforeEach(() => api.reset());
  after(() => api.close());

  const whole = (...script: Step[]) => {
    api.script = script;
    return api.answer({});
  };
  const streamed = async (...script: Step[]) => {
    api.script = script;
    const events = await api.events({});
    for (const { event, data } of events) assert.equal(event, data.type);
    return events.map(({ data }) => data);
  };

  it('is a message with thinking, text and a call', async () => {
    const {
      id,
      usage: counts,
      ...message
    } = await whole(
      ...[reasoning('Let '), reasoning('me look.'), text('I '), text('look.')],
      ...[call(0, '{"city":', { id: 'call_1', name: 'weather' }), call(0, '"Paris"}')],
      ...[finish('tool_calls'), usage(10, 5)],
    );
    assert.match(id as string, /^msg_./);
    assert.deepEqual(message, {
      ...start(),
      content: [
        { type: 'thinking', thinking: 'Let me look.', signature: '' },
        { type: 'text', text: 'I look.' },
        { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Paris' } },
      ],
      stop_reason: 'tool_use',
    });
    assert.deepEqual([counts.input_tokens, counts.output_tokens], [10, 5]);
  });

  it('is streamed block by block, with the usage at its end', async () => {
    const events = await streamed(
      ...[reasoning('Hm.'), text('I '), text('look.')],
      ...[call(0, '', { id: 'a', name: 'weather' }), call(0, '{"city":'), call(0, '"Paris"}')],
      ...[call(1, '', { id: 'b', name: 'time' }), finish('tool_calls'), usage(10, 5, 4)],
    );
    const { message, ...first } = events[0] as unknown as { message: Record<string, unknown>; type: string };
    const { id, usage: noUsage, ...rest } = message;
    assert.match(id as string, /^msg_./);
    assert.deepEqual(
      [first, rest, (noUsage as { input_tokens: number }).input_tokens],
      [{ type: 'message_start' }, start(), 0],
    );
    const begin = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block });
    const delta = (index: number, change: object) => ({ type: 'content_block_delta', index, delta: change });
    const stop = (index: number) => ({ type: 'content_block_stop', index });
    assert.deepEqual(events.slice(1), [
      begin(0, { type: 'thinking', thinking: '', signature: '' }),
      delta(0, { type: 'thinking_delta', thinking: 'Hm.' }),
      delta(0, { type: 'signature_delta', signature: '' }),
      stop(0),
      begin(1, { type: 'text', text: '' }),
      delta(1, { type: 'text_delta', text: 'I ' }),
      delta(1, { type: 'text_delta', text: 'look.' }),
      stop(1),
      begin(2, { type: 'tool_use', id: 'a', name: 'weather', input: {} }),
      delta(2, { type: 'input_json_delta', partial_json: '{"city":' }),
      delta(2, { type: 'input_json_delta', partial_json: '"Paris"}' }),
      stop(2),
      begin(3, { type: 'tool_use', id: 'b', name: 'time', input: {} }),
      stop(3),
      {
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { input_tokens: 6, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 4 },
      },
      { type: 'message_stop' },
    ]);
  });

  it('opens a new block for text after a call', async () => {
    const { content } = await whole(text('A'), call(0, '{}', { id: 'a', name: 'f' }), text('B'), finish('stop'));
    assert.deepEqual(
      content.map(({ type }: { type: string }) => type),
      ['text', 'tool_use', 'text'],
    );
  });

  it('has no content when the model says nothing', async () => {
    const { content, stop_reason } = await whole(finish('stop'));
    assert.deepEqual([content, stop_reason], [[], 'end_turn']);
    const types = (await streamed(finish('stop'))).map(({ type }) => type);
    assert.deepEqual(types, ['message_start', 'message_delta', 'message_stop']);
  });

  for (const [reason, expected] of [
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['content_filter', 'refusal'],
    ['an unknown one', 'end_turn'],
  ] as const)
    it(`has the stop reason "${expected}" for "${reason}"`, async () => {
      assert.equal((await whole(text('A'), finish(reason)))['stop_reason'], expected);
    });

  it('stops for a tool also where the engine says "stop"', async () => {
    assert.equal((await whole(call(0, '{}', { id: 'a', name: 'f' }), finish('stop')))['stop_reason'], 'tool_use');
  });

  it('counts cached tokens once', async () => {
    const { usage: counts } = await whole(text('A'), finish('stop'), usage(10, 5, 4));
    assert.deepEqual(counts, {
      ...{ input_tokens: 6, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 4 },
    });
  });

  it('has an id for a call to which the engine gives none', async () => {
    const { content } = await whole(call(0, '{}', { name: 'f' }), finish('tool_calls'));
    assert.match(content[0].id, /./);
  });

  it('keeps a call that the limit cut, without its arguments, and says so', async () => {
    const { content, stop_reason } = await whole(call(0, '{"city":"Pa', { id: 'a', name: 'f' }), finish('length'));
    assert.deepEqual([content[0].input, stop_reason], [{}, 'max_tokens']);
    const events = await streamed(call(0, '{"city":"Pa', { id: 'a', name: 'f' }), finish('length'));
    assert.deepEqual(
      events.slice(-3).map(({ type }) => type),
      ['content_block_stop', 'message_delta', 'message_stop'],
    );
  });

  for (const [what, script, message] of [
    [
      'whose arguments are not JSON',
      [call(0, '{"city"', { id: 'a', name: 'f' }), finish('tool_calls')],
      /"f" with arguments/,
    ],
    [
      'whose arguments are a list',
      [call(0, '[]', { id: 'a', name: 'f' }), text('A'), finish('stop')],
      /"f" with arguments/,
    ],
    [
      'to which the engine goes back',
      [call(0, '{', { id: 'a', name: 'f' }), call(1, '{}', { id: 'b', name: 'g' }), call(0, '}')],
      /arguments|went back/,
    ],
    [
      'to which the engine goes back after its end',
      [call(0, '{}', { id: 'a', name: 'f' }), call(1, '{}', { id: 'b', name: 'g' }), call(0, ' ')],
      /went back/,
    ],
  ] as const)
    it(`is an error with a call ${what}`, async () => {
      const { type, error } = await whole(...script);
      assert.deepEqual([type, error.type], ['error', 'api_error']);
      assert.match(error.message, message);
      const last = (await streamed(...script)).at(-1) as unknown as { type: string; error: { message: string } };
      assert.equal(last.type, 'error');
      assert.match(last.error.message, message);
    });

  it('has the header request-id', async () => {
    const response = await api.post({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }] });
    assert.match(response.headers.get('request-id')!, /^req_./);
    const { content } = (await response.json()) as { content: object[] };
    assert.deepEqual(content, [{ type: 'text', text: 'tiny: 1 2 3 4' }]);
  });

  it('comes as the engine writes it', async () => {
    let goOn!: () => void;
    api.script = [text('One'), new Promise<void>((resolve) => (goOn = resolve)), text('Two'), finish('stop')];
    const response = await api.post({ model: 'scripted', stream: true, messages: [{ role: 'user', content: 'Hi' }] });
    const seen: string[] = [];
    for await (const { data } of eventsOf(response)) {
      const { delta } = data as { delta?: { text?: string } };
      if (delta?.text === 'One') goOn();
      if (delta?.text !== undefined) seen.push(delta.text);
    }
    assert.deepEqual(seen, ['One', 'Two']);
  });

  it('ends the work of the engine when a client leaves', async () => {
    const left = new AbortController();
    const ended = api.lamina.events.once('request.finished', { signal: AbortSignal.timeout(30_000) });
    const body = { model: 'tiny', stream: true, messages: [{ role: 'user', content: '/count' }] };
    const response = await api.post(body, { signal: left.signal });
    await response.body!.getReader().read();
    left.abort();
    assert.equal((await ended).status, 499);
  });
});
