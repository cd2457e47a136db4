// A manifest that several Laminas of one process edit at the same time.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { createLamina } from '@lamina/core';

describe('a manifest with concurrent edits', () => {
  it('is complete after each edit, no edit fails, and no temporary files remain', async () => {
    const modelsDir = mkdtempSync(join(tmpdir(), 'lamina-together-'));
    const owner = await createLamina({ modelsDir, log: 'silent' });
    const attached = await Promise.all(
      Array.from({ length: 2 }, () => createLamina({ modelsDir, mode: 'attached', log: 'silent' })),
    );
    try {
      const names = Array.from({ length: 12 }, (_, index) => `model-${index}`);
      for (const name of names) {
        await Promise.all(
          [owner, ...attached].map((lamina, side) => lamina.models.save(`${name}-${side}`, { path: `${name}.gguf` })),
        );
      }
      const { models } = parse(readFileSync(join(modelsDir, 'models.yaml'), 'utf8')) as {
        models: Record<string, object>;
      };
      assert.ok(
        names.every((name) => [0, 1, 2].some((side) => models[`${name}-${side}`] !== undefined)),
        JSON.stringify(models),
      );
      assert.deepEqual(readdirSync(modelsDir).sort(), ['.lamina', 'models.yaml']);
    } finally {
      await Promise.all([owner, ...attached].map((lamina) => lamina.close()));
      rmSync(modelsDir, { recursive: true });
    }
  });
});
