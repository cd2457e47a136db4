// Lamina's own routes keep their promises for a virtual model.
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { virtualModels } from '../dist/index.js';

const messages = [{ role: 'user', content: 'Hello?' }];
const endless = [{ role: 'user', content: '/count' }];
const route = (path: string) => ({ method: 'POST', path, scope: 'inference', body: { type: 'object' } }) as const;

describe('virtual-models as an extension of HTTP routes', function () {
  this.timeout(30_000);
  const cases = httpExtensionConformance({
    plugin: () => virtualModels(),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    lamina: {
      files: { 'tiny.fake': 'a fake model' },
      manifest: {
        models: {
          tiny: { path: 'tiny.fake', options: { chunk_bytes: 16_384 } },
          preset: { of: 'tiny', system: 'Be brief.', parameters: { temperature: 0 } },
        },
      },
    },
    routes: [route('/v1/chat/completions'), route('/v1/messages'), route('/v1/embeddings')],
    requests: {
      'POST /v1/chat/completions': { body: { model: 'preset', messages } },
      'POST /v1/messages': { body: { model: 'preset', messages, max_tokens: 9 } },
      'POST /v1/embeddings': { body: { model: 'preset', input: 'one' } },
    },
    streams: {
      'POST /v1/chat/completions': { body: { model: 'preset', messages: endless, stream: true } },
      'POST /v1/messages': { body: { model: 'preset', messages: endless, max_tokens: 100_000, stream: true } },
    },
  });
  for (const { name, run } of cases) it(name, () => run());
});
