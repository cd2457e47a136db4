// Tests notes-extension.ts with the conformance kit: node examples/dist/test-notes-extension.js
import { test } from 'node:test';
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { notes } from './notes-extension.js';

const cases = httpExtensionConformance({
  plugin: notes,
  async serve(lamina, apiKeys) {
    const server = createServer(lamina, { port: 0, apiKeys });
    return { url: await server.listen(), close: (signal) => server.close({ signal }) };
  },
  requests: { 'GET /notes': {}, 'POST /notes': { body: { model: 'tiny', about: 'milk' } } },
  streams: { 'POST /notes': { body: { model: 'tiny', about: '/count' } } },
});
for (const { name, skip, run } of cases) void test(name, { skip: skip ?? false }, run);
