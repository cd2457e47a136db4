import assert from 'node:assert/strict';
import { chatChunks, OllamaServer } from './ollama-server.js';

const messages = [{ role: 'user', content: 'Hello?' }];
const says = 'tiny: 1 2 3 4';
const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }];

describe('POST /api/chat', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open()));
  after(() => server.close());
  beforeEach(() => {
    server.engine.requests.splice(0);
    server.engine.answer = chatChunks([{ content: 'Yes.' }]);
  });

  const chat = (body: object) => server.post('/api/chat', { model: 'scripted', messages, ...body });
  const sent = () => server.engine.requests.at(-1)!.body;

  it('streams lines that all have what clients require, and ends with counters and durations in nanoseconds', async () => {
    const { status, type, lines } = await server.post('/api/chat', { model: 'tiny', messages });
    assert.deepEqual([status, type], [200, 'application/x-ndjson; charset=utf-8']);
    for (const { model, created_at, message, done } of lines) {
      assert.deepEqual([model, message.role, typeof message.content], ['tiny', 'assistant', 'string']);
      assert.ok(!Number.isNaN(Date.parse(created_at)));
      assert.equal(typeof done, 'boolean');
    }
    assert.equal(lines.map(({ message }) => message.content).join(''), says);
    const last = lines.at(-1)!;
    assert.deepEqual(
      lines.map(({ done }) => done),
      lines.map((line) => line === last),
    );
    assert.deepEqual([last.done_reason, last.eval_count], ['stop', 5]);
    for (const name of ['total_duration', 'load_duration', 'prompt_eval_duration', 'eval_duration'])
      assert.ok(Number.isInteger(last[name]) && last[name] >= 0, `${name}: ${last[name]}`);
    assert.ok(last.prompt_eval_count > 0);
  });

  it('responds with one object without a stream', async () => {
    const { type, lines } = await server.post('/api/chat', { model: 'tiny', messages, stream: false });
    assert.equal(type, 'application/json; charset=utf-8');
    assert.deepEqual(
      lines.map(({ model, message, done, done_reason, eval_count }) => ({
        model,
        message,
        done,
        done_reason,
        eval_count,
      })),
      [
        {
          model: 'tiny',
          message: { role: 'assistant', content: says },
          done: true,
          done_reason: 'stop',
          eval_count: 5,
        },
      ],
    );
  });

  it('takes the durations that the engine measured', async () => {
    const timings = { prompt_ms: 12.3456789, predicted_ms: 34.5 };
    server.engine.answer = [
      ...chatChunks([{ content: 'Yes.' }]),
      { choices: [], usage: { prompt_tokens: 7 }, timings },
    ];
    for (const stream of [true, false]) {
      const { prompt_eval_duration, eval_duration, prompt_eval_count } = (await chat({ stream })).lines.at(-1)!;
      assert.deepEqual([prompt_eval_duration, eval_duration, prompt_eval_count], [12_345_679, 34_500_000, 7]);
    }
  });

  it('says with `length` that the limit was reached', async () => {
    const { lines } = await server.post('/api/chat', { model: 'tiny', messages, options: { num_predict: 2 } });
    assert.deepEqual([lines.at(-1)!.done_reason, lines.at(-1)!.eval_count], ['length', 2]);
  });

  it('shows reasoning as thinking', async () => {
    server.engine.answer = chatChunks([{ reasoning_content: 'Hm' }, { reasoning: ', well.' }, { content: 'Yes.' }]);
    const { lines } = await chat({});
    assert.deepEqual(
      lines.map(({ message }) => [message.thinking, message.content]),
      [
        ['Hm', ''],
        [', well.', ''],
        [undefined, 'Yes.'],
        [undefined, ''],
      ],
    );
    const whole = await server.one('/api/chat', { model: 'scripted', messages });
    assert.deepEqual(whole.message, { role: 'assistant', content: 'Yes.', thinking: 'Hm, well.' });
  });

  it('gathers tool calls into one line before the last', async () => {
    const piece = (index: number, id: string | undefined, name: string | undefined, text: string) => ({
      tool_calls: [{ index, id, function: { name, arguments: text } }],
    });
    const deltas = [
      piece(0, 'a', 'weather', '{"city":'),
      piece(0, undefined, undefined, '"Berlin"}'),
      piece(1, undefined, 'time', ''),
    ];
    server.engine.answer = chatChunks(deltas, 'tool_calls');
    const { lines } = await chat({ tools });
    assert.equal(lines.length, 2);
    const [{ message, done }, last] = lines;
    assert.deepEqual([message.content, done, last.done_reason], ['', false, 'stop']);
    assert.deepEqual(message.tool_calls[0], {
      id: 'a',
      function: { index: 0, name: 'weather', arguments: { city: 'Berlin' } },
    });
    assert.match(message.tool_calls[1].id, /^call_/);
    assert.deepEqual(message.tool_calls[1].function, { index: 1, name: 'time', arguments: {} });
    assert.deepEqual(
      (await server.one('/api/chat', { model: 'scripted', messages, tools })).message.tool_calls[0],
      message.tool_calls[0],
    );
    assert.deepEqual(sent().tools, tools);
  });

  it('reports tool calls whose arguments are not JSON as an error', async () => {
    server.engine.answer = chatChunks([
      { content: 'So: ' },
      { tool_calls: [{ index: 0, function: { name: 'f', arguments: '{"a' } }] },
    ]);
    assert.match(
      (await chat({ stream: false })).text,
      /^\{"error":"The model called \\"f\\" with arguments that are not/,
    );
  });

  it('leaves out a tool call that the limit of tokens cut', async () => {
    const call = (index: number, text: string) => ({
      tool_calls: [{ index, function: { name: 'f', arguments: text } }],
    });
    server.engine.answer = chatChunks([call(0, '{}'), call(1, '{"a')], 'length');
    const { message, done_reason } = (await chat({ stream: false })).lines[0];
    assert.deepEqual([message.tool_calls.length, done_reason], [1, 'length']);
  });

  it('translates messages with images, tool calls and their results', async () => {
    await chat({
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is it?', images: ['/9j/AAAA', 'iVBOR', 'data:image/gif;base64,R0lG'] },
        {
          role: 'assistant',
          thinking: 'Let me look.',
          tool_calls: [
            { function: { name: 'time', arguments: {} } },
            { function: { name: 'weather', arguments: { city: 'Rome' } } },
          ],
        },
        { role: 'tool', tool_name: 'weather', content: 'rain' },
        { role: 'tool', content: 'noon' },
      ],
    });
    const [system, user, assistant, weather, time] = sent().messages;
    assert.deepEqual(system, { role: 'system', content: 'Be brief.' });
    assert.deepEqual(
      user.content.map((part: { text?: string; image_url?: { url: string } }) => part.text ?? part.image_url!.url),
      ['data:image/jpeg;base64,/9j/AAAA', 'data:image/png;base64,iVBOR', 'data:image/gif;base64,R0lG', 'What is it?'],
    );
    assert.deepEqual([assistant.content, assistant.reasoning_content], ['', 'Let me look.']);
    const [first, second] = assistant.tool_calls;
    assert.deepEqual(second.function, { name: 'weather', arguments: '{"city":"Rome"}' });
    assert.notEqual(first.id, second.id);
    assert.deepEqual([weather.tool_call_id, weather.content], [second.id, 'rain']);
    assert.deepEqual([time.tool_call_id, time.content], [first.id, 'noon']);
  });

  it('translates options, and ignores nulls, unknown ones and those of the load', async () => {
    const options = { num_predict: -1, temperature: 0.2, top_k: 12.9, stop: 'END', num_ctx: 512, tfs_z: 1, seed: null };
    await chat({ options });
    const { model, messages: _, stream, stream_options: __, ...parameters } = sent();
    assert.deepEqual([model, stream], ['scripted', true]);
    assert.deepEqual(parameters, { temperature: 0.2, top_k: 12, stop: ['END'] });
  });

  it('rejects options of the wrong type', async () => {
    const { status, lines } = await chat({ options: { top_k: 'many' } });
    assert.deepEqual([status, lines], [400, [{ error: 'option "top_k" must be of type integer' }]]);
  });

  it('translates formats', async () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    const formats = [];
    for (const format of ['json', schema, '', undefined]) {
      await chat({ format });
      formats.push(sent().response_format);
    }
    assert.deepEqual(formats, [
      { type: 'json_object' },
      { type: 'json_schema', json_schema: { name: 'format', schema } },
      undefined,
      undefined,
    ]);
    assert.equal((await chat({ format: 'xml' })).status, 400);
  });

  it('translates think for models that can think', async () => {
    const asked = [];
    for (const think of [true, false, 'max', undefined]) {
      await chat({ model: 'thinker', think });
      asked.push([sent().chat_template_kwargs, sent().reasoning_effort]);
    }
    assert.deepEqual(asked, [
      [{ enable_thinking: true }, undefined],
      [{ enable_thinking: false }, undefined],
      [{ enable_thinking: true, reasoning_effort: 'high' }, 'high'],
      [undefined, undefined],
    ]);
  });

  it('refuses think, tools and images for models that lack them, and never `think: false`', async () => {
    const images = [{ role: 'user', content: 'What is it?', images: ['iVBOR'] }];
    for (const [lacking, body] of Object.entries({
      thinking: { think: true },
      tools: { tools },
      vision: { messages: images },
    })) {
      const { status, lines } = await chat({ model: 'plain', ...body });
      assert.deepEqual([status, lines], [400, [{ error: `"plain" does not support ${lacking}` }]]);
    }
    for (const model of ['plain', 'scripted']) {
      assert.equal((await chat({ model, think: false, tools: [] })).status, 200);
      assert.deepEqual([sent().chat_template_kwargs, sent().tools], [undefined, undefined]);
    }
  });

  it('responds 404 for an unknown model, and 400 for a body that is wrong', async () => {
    const { status, type, lines } = await chat({ model: 'none:7b' });
    assert.deepEqual([status, lines], [404, [{ error: "model 'none:7b' not found" }]]);
    assert.match(type, /^application\/json/);
    for (const body of ['{', '', '{"model":"tiny","messages":"Hello?"}']) {
      const refused = await server.send('POST', '/api/chat', body);
      assert.equal(refused.status, 400, body);
      assert.equal(typeof refused.lines[0].error, 'string');
    }
  });

  it("responds with the engine's status when it refuses", async () => {
    server.engine.answer = (response) => {
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end('{"error":{"message":"The prompt is too long"}}');
    };
    const { status, lines } = await chat({});
    assert.deepEqual([status, lines], [400, [{ error: 'The prompt is too long' }]]);
  });

  it('ends with an error line when the engine fails in the middle of its answer', async () => {
    server.engine.answer = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const [first] = chatChunks([{ content: 'Yes' }]);
      response.write(`data: ${JSON.stringify(first)}\n\ndata: {"error":{"message":"out of memory"}}\n\n`);
    };
    const response = await fetch(new URL('/api/chat', server.url), {
      method: 'POST',
      body: JSON.stringify({ model: 'scripted', messages }),
    });
    let text = '';
    await assert.rejects(async () => {
      for await (const part of response.body!) text += Buffer.from(part as Uint8Array).toString();
    });
    const lines = text.trimEnd().split('\n');
    assert.equal(JSON.parse(lines[0]!).message.content, 'Yes');
    assert.deepEqual(JSON.parse(lines[1]!), { error: 'out of memory' });
  });

  it('has the id of the request in its events', async () => {
    const ended = server.lamina.events.once('request.finished', { signal: AbortSignal.timeout(10_000) });
    const response = await fetch(new URL('/api/chat', server.url), {
      method: 'POST',
      body: JSON.stringify({ model: 'scripted', messages }),
    });
    await response.text();
    assert.equal((await ended).request, response.headers.get('x-request-id'));
  });
});

describe('a client that waits for /api/chat', () => {
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open({}, 0.02)));
  after(() => server.close());

  it('gets lines without text, then the answer', async () => {
    let answer!: () => void;
    server.engine.answer = (response) => {
      answer = () => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(
          chatChunks([{ content: 'Yes' }])
            .map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`)
            .join(''),
        );
      };
    };
    const response = await fetch(new URL('/api/chat', server.url), {
      method: 'POST',
      body: JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: 'Hello?' }] }),
    });
    let text = '';
    let isAnswered = false;
    for await (const part of response.body!) {
      text += Buffer.from(part as Uint8Array).toString();
      if (isAnswered || answer === undefined || text.split('\n').length < 3) continue;
      isAnswered = true;
      answer();
    }
    const lines = text.trimEnd().split('\n');
    const contents = lines.map((line) => JSON.parse(line).message.content as string);
    assert.deepEqual([contents.slice(0, 2), contents.join('')], [['', ''], 'Yes']);
    assert.equal(JSON.parse(lines.at(-1)!).done, true);
  });

  it('gets lines without text, then a line with the error', async () => {
    let fail!: () => void;
    server.engine.answer = (response) => {
      fail = () => response.destroy();
    };
    const response = await fetch(new URL('/api/chat', server.url), {
      method: 'POST',
      body: JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: 'Hello?' }] }),
    });
    assert.equal(response.status, 200);
    let text = '';
    try {
      for await (const part of response.body!) {
        text += Buffer.from(part as Uint8Array).toString();
        if (fail !== undefined && text.split('\n').length >= 3) fail();
      }
    } catch {
      // An incomplete answer never ends cleanly.
    }
    const lines = text.trimEnd().split('\n');
    assert.equal(JSON.parse(lines[0]!).message.content, '');
    const { error } = JSON.parse(lines.at(-1)!);
    assert.equal(typeof error, 'string');
  });
});
