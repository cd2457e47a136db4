// A model of the fake engine.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from '@lamina/core/plugin';

/** A model of the fake engine whose file holds this text. */
export function fakeModel(folder: string, name: string, content = 'a fake model'): Model {
  const path = join(folder, `${name}.fake`);
  writeFileSync(path, content);
  const files = [{ role: 'weights', path, bytes: content.length } as const];
  return { name, files, format: 'fake', aliases: [], options: {}, pinned: false, limits: {}, from: 'manifest' };
}
