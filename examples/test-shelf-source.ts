// Tests shelf-source.ts: with the conformance kit, and with one download. node examples/dist/test-shelf-source.js
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { createTestLamina, fakePlugin, sourceConformance } from '@lamina/testing';
import { shelf, shelfSource } from './shelf-source.js';

const content = 'the weights';
const sha256 = createHash('sha256').update(content).digest('hex');
const index = { tiny: { file: 'tiny.fake', bytes: content.length, sha256 } };
const server = createServer(({ url }, response) => {
  response.end(url === '/index.json' ? JSON.stringify(index) : content);
});
await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
after(() => void server.close());
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const cases = sourceConformance({
  source: () => shelfSource(url),
  reference: 'shelf:tiny',
  missing: 'shelf:none',
  private: 'shelf:tiny',
  query: 'tin',
  skip: {
    'keeps secrets out of the plan': 'it has none',
    'rejects a denied model with a message': 'all its models are public',
    'adopts models whose files exist': 'it keeps no files on this machine',
  },
});
for (const { name, skip, run } of cases) void test(name, { skip: skip ?? false }, run);

void test('Lamina downloads a model from the shelf', async () => {
  const lamina = await createTestLamina({ plugins: [fakePlugin(), shelf({ url })] });
  try {
    const { id, model } = await lamina.downloads.start({ reference: 'shelf:tiny', name: 'tiny' });
    assert.equal((await lamina.downloads.wait(id)).state, 'finished');
    assert.equal(lamina.models.get(model)?.model.files[0]?.bytes, content.length);
  } finally {
    await lamina.close();
  }
});
