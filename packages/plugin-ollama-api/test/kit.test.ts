import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { ollamaApi } from '../dist/index.js';

const messages = [{ role: 'user', content: '/count' }];

describe('ollama-api as an HTTP extension', function () {
  this.timeout(30_000);
  const cases = httpExtensionConformance({
    plugin: () => ollamaApi(),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    requests: {
      'POST /api/chat': { body: { model: 'tiny', messages: [{ role: 'user', content: 'Hello?' }] } },
      'POST /api/generate': { body: { model: 'tiny', prompt: 'Hello?', raw: true } },
      'POST /api/embed': { body: { model: 'tiny', input: ['one', 'two'] } },
      'POST /api/embeddings': { body: { model: 'tiny', prompt: 'one' } },
      'GET /api/tags': {},
      'GET /api/ps': {},
      'POST /api/show': { body: { model: 'tiny' } },
      'POST /api/pull': { body: { model: 'tiny' } },
      'POST /api/copy': { body: { source: 'tiny', destination: 'copy' } },
      'DELETE /api/delete': { body: { model: 'tiny' } },
      'GET /': {},
      'GET /api/version': {},
      'POST /api/create': { status: 501 },
      'POST /api/push': { status: 501 },
      'POST /api/blobs/*digest': { path: '/api/blobs/sha256:0', status: 501 },
    },
    streams: {
      'POST /api/chat': { body: { model: 'tiny', messages } },
      'POST /api/generate': { body: { model: 'tiny', prompt: '/count', raw: true } },
    },
    error: { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] },
  });
  for (const { name, run } of cases) it(name, () => run());
});
