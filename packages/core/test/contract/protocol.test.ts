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
  type ClientFrame,
  type ServerFrame,
} from '@lamina/core/protocol';

const dist = fileURLToPath(new URL('../../dist/', import.meta.url));

describe('the entry point for clients', () => {
  it('needs only its own files: no package, no other layer', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lamina-protocol-'));
    try {
      await cp(join(dist, 'protocol.js'), join(folder, 'protocol.js'));
      for (const name of [
        'contract/error-table',
        'contract/errors',
        'contract/events',
        'contract/frames',
        'kernel/reason',
        'kernel/shortage',
      ])
        await cp(join(dist, `${name}.js`), join(folder, `${name}.js`));
      await writeFile(join(folder, 'package.json'), '{"type":"module"}');
      const script = "import('./protocol.js').then((module) => console.log(Object.keys(module).join()))";
      const stdout = execFileSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' });
      assert.equal(
        stdout.trim(),
        'LaminaError,clientFrameSchemas,errorSchema,eventSchemas,networkReasonOf,reasonOf,serverFrameSchemas,subprotocol',
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
      request: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    };
    assert.deepEqual(
      check(clientFrameSchemas['chat.start'], { ...start, request: { ...start.request, temperature: 0 } }),
      [],
    );
    const hello: ServerFrame<'hello'> = { type: 'hello', protocol: subprotocol, session: 'x' };
    assert.deepEqual(check(serverFrameSchemas.hello, hello), []);
    assert.notDeepEqual(check(clientFrameSchemas['chat.start'], { ...start, id: '' }), []);
  });
});
