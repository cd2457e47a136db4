// Fetches docs/openapi.json and docs/asyncapi.json from a server without plugins.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLamina } from '@lamina/core';
import { createServer } from '../../packages/server-koa/dist/index.js';

/** The documents by their paths. */
export async function servedDocuments() {
  const modelsDir = await mkdtemp(join(tmpdir(), 'lamina-docs-'));
  const lamina = await createLamina({ modelsDir, plugins: [], log: 'silent' });
  const server = createServer(lamina, { port: 0 });
  try {
    const url = await server.listen();
    const fetched = ['openapi.json', 'asyncapi.json'].map(async (name) => [
      `docs/${name}`,
      await (await fetch(`${url}/${name}`)).json(),
    ]);
    return Object.fromEntries(await Promise.all(fetched));
  } finally {
    await server.close();
    await lamina.close();
    await rm(modelsDir, { recursive: true, force: true });
  }
}
