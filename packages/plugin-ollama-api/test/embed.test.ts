import assert from 'node:assert/strict';
import { OllamaServer } from './ollama-server.js';

describe('embeddings', function () {
  this.timeout(20_000);
  let server: OllamaServer;
  before(async () => void (server = await OllamaServer.open()));
  after(() => server.close());

  const embed = (body: object) => server.post('/api/embed', { model: 'tiny', ...body });
  const lengthOf = (vector: readonly number[]) => Math.hypot(...vector);

  it('of /api/embed have length 1, in the order of the texts', async () => {
    const { lines } = await embed({ input: ['one', 'two'], options: { tfs_z: undefined }, truncate: true });
    const [{ model, embeddings, prompt_eval_count, total_duration }] = lines;
    assert.deepEqual([model, embeddings.length, prompt_eval_count], ['tiny', 2, 2]);
    for (const vector of embeddings) assert.ok(Math.abs(lengthOf(vector) - 1) < 1e-9);
    assert.deepEqual((await embed({ input: 'two' })).lines[0].embeddings, [embeddings[1]]);
    assert.ok(Number.isInteger(total_duration));
  });

  it('of /api/embed are shortened to `dimensions`', async () => {
    const whole = (await embed({ input: 'one', dimensions: 0 })).lines[0].embeddings[0];
    const short = (await embed({ input: 'one', dimensions: 3 })).lines[0].embeddings[0];
    assert.equal(short.length, 3);
    assert.ok(Math.abs(lengthOf(short) - 1) < 1e-9);
    assert.ok(Math.abs(short[0] / short[1] - whole[0] / whole[1]) < 1e-9);
  });

  it('of /api/embed are none without a text, which loads the model', async () => {
    for (const input of [undefined, '', []]) assert.deepEqual((await embed({ input })).lines[0].embeddings, []);
  });

  it('of /api/embed need texts', async () => {
    const { status, lines } = await embed({ input: [1] });
    assert.equal(status, 400);
    assert.match(lines[0].error, /^invalid input type/);
  });

  it('of /api/embeddings are one vector', async () => {
    const { embedding } = await server.one('/api/embeddings', { model: 'tiny:latest', prompt: 'one' });
    assert.equal(embedding.length, 8);
    assert.deepEqual(await server.one('/api/embeddings', { model: 'tiny' }), { embedding: [] });
  });

  it('of an unknown model are 404', async () => {
    for (const path of ['/api/embed', '/api/embeddings'])
      assert.deepEqual((await server.post(path, { model: 'none', input: 'a', prompt: 'a' })).lines, [
        { error: "model 'none' not found" },
      ]);
  });
});
