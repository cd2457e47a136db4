import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '@lamina/core';
import {
  clientFrameSchemas,
  eventSchemas,
  serverFrameSchemas,
  subprotocol,
  type ChatCompletionChunk,
  type ClientFrame,
  type ServerFrame,
  type Usage,
} from '@lamina/core/protocol';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

describe('the entry point for clients', () => {
  it('needs only its own files: no package, no other layer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lamina-protocol-'));
    try {
      for (const name of [
        'protocol',
        'contract/error-table',
        'contract/errors',
        'contract/events',
        'contract/frames',
        'contract/requests',
        'contract/server-frames',
        'contract/log-view',
        'contract/manifest',
        'contract/memory',
        'contract/model-views',
        'contract/ps-view',
        'contract/requests',
        'contract/served-models',
        'contract/views',
        'kernel/header-token',
        'kernel/reason',
        'kernel/shortage',
      ])
        await cp(join(dist, `${name}.js`), join(folder, `${name}.js`));
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const script = "import('./protocol.js').then((module) => console.log(Object.keys(module).join()))";
      const stdout = execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' });
      const names = stdout.trim().split(',');
      assert.deepEqual(
        names.filter((name) => !name.endsWith('Schema')),
        [
          'LaminaError',
          'clientFrameSchemas',
          'clientFrameScopes',
          'countsModels',
          'eventSchemas',
          'isHeaderToken',
          'networkReasonOf',
          'reasonOf',
          'replySchemas',
          'serverFrameSchemas',
          'subprotocol',
        ],
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('has schemas that can be serialised as JSON and name their own type', () => {
    for (const schemas of [clientFrameSchemas, serverFrameSchemas]) {
      for (const [type, schema] of Object.entries<{
        readonly properties: { readonly type: { readonly const: string } };
        readonly description: string;
      }>(schemas)) {
        assert.deepEqual(JSON.parse(JSON.stringify(schema)), schema);
        assert.equal(schema.properties.type.const, type);
        assert.ok(schema.description.length > 10);
      }
    }
    assert.ok(Object.keys(eventSchemas).every((type) => /^[a-z]+\.[a-z]+$/.test(type)));
  });

  it('has types that match what its schemas accept', () => {
    const start: ClientFrame<'chat.start'> = {
      type: 'chat.start',
      id: 'a',
      request: { model: 'm', messages: [{ role: 'user', content: 'hi' }], temperature: 0, stop: ['.'] },
    };
    assert.deepEqual(check(clientFrameSchemas['chat.start'], start), []);
    const hello: ServerFrame<'hello'> = { type: 'hello', protocol: subprotocol, session: 'x', scopes: ['inference'] };
    assert.deepEqual(check(serverFrameSchemas.hello, hello), []);
    assert.notDeepEqual(check(clientFrameSchemas['chat.start'], { ...start, id: '' }), []);
    const chunk: ChatCompletionChunk = {
      id: 'c',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta: { role: 'assistant', content: null }, finish_reason: null }],
      usage: null,
      timings: {},
    };
    const chunkFrame: ServerFrame<'chat.chunk'> = { type: 'chat.chunk', id: 'a', seq: 1, chunk };
    assert.deepEqual(check(serverFrameSchemas['chat.chunk'], chunkFrame), []);
    const usage: Usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
    assert.deepEqual(check(serverFrameSchemas['chat.done'], { type: 'chat.done', id: 'a', usage }), []);
  });

  it('has types that narrow a frame by its type, and an event in it by its own, which the compiler checks', () => {
    const read = (frame: ServerFrame): string | number | null | undefined => {
      switch (frame.type) {
        case 'chat.chunk': {
          const [choice] = frame.chunk.choices;
          // @ts-expect-error a delta has tool calls, not a tool call
          void choice?.delta.tool_calls?.name;
          return choice?.delta.content ?? choice?.delta.tool_calls?.[0]?.function?.arguments ?? choice?.finish_reason;
        }
        case 'chat.done':
          // @ts-expect-error a number is not a text
          frame.usage?.completion_tokens satisfies string | undefined;
          return frame.usage?.completion_tokens;
        case 'event':
          if (frame.event.type === 'model.ready') return frame.event.load_ms;
          // @ts-expect-error only this event has it
          void frame.event.load_ms;
          return frame.event.type === 'download.progress' ? frame.event.done : frame.event.id;
        default:
          return undefined;
      }
    };
    // @ts-expect-error a chat has messages
    const start: ClientFrame<'chat.start'> = { type: 'chat.start', id: 'a', request: { model: 'm', temperature: 0 } };
    assert.equal(read({ type: 'pong', id: start.id }), undefined);
  });
});
