// What is remembered of a manifest from one run to the next.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRoom, type Room } from './room.js';

const text = `models:
  a:
    path: a.gguf
    description: first
  b: { path: b.gguf, colour: red }
`;

describe('a manifest at the second start', () => {
  let room: Room;
  beforeEach(async () => {
    room = await openRoom();
    await room.write({ 'models.yaml': text });
    await room.registry.load();
    await room.registry.dispose();
  });
  afterEach(() => room.close());

  const cache = () => join(room.config.dataDir, 'manifest.cache');
  const descriptionAgain = async () => {
    const again = room.again();
    await again.load();
    await again.dispose();
    return again.get('a')!.entry.description;
  };
  /** Changes what is remembered, so that it can be told from what is written. */
  const alter = async () => writeFile(cache(), (await readFile(cache(), 'utf8')).replace('first', 'remembered'));

  it('is recalled, warnings too, while its text is the same', async () => {
    await alter();
    const before = room.warnings.length;
    assert.equal(await descriptionAgain(), 'remembered');
    assert.ok(
      room.warnings.slice(before).some((warning) => warning.includes('colour')),
      room.warnings.join(),
    );
  });

  it('is read anew when its text is another, or nothing of use is remembered', async () => {
    await alter();
    await room.write({ 'models.yaml': text.replace('first', 'edited') });
    assert.equal(await descriptionAgain(), 'edited');
    await writeFile(cache(), (await readFile(cache(), 'utf8')).slice(0, -1));
    assert.equal(await descriptionAgain(), 'edited');
  });

  it('is edited where it was recalled like any other', async () => {
    const again = room.again();
    await again.load();
    await again.save('b', { path: 'b.gguf', colour: 'blue' });
    await again.dispose();
    assert.equal(await readFile(join(room.modelsDir, 'models.yaml'), 'utf8'), text.replace('red', 'blue'));
    assert.equal(await descriptionAgain(), 'first');
  });

  it('is not remembered while it is wrong', async () => {
    const before = await readFile(cache(), 'utf8');
    const again = room.again();
    await again.load();
    await room.write({ 'models.yaml': 'models: [' });
    await assert.rejects(again.reload());
    await again.dispose();
    assert.equal(await readFile(cache(), 'utf8'), before);
  });
});
