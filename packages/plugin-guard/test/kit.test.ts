// Lamina's own routes keep their promises when the guard limits, redacts and writes its log.
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { guard } from '../dist/index.js';

const messages = [{ role: 'user', content: 'Hello?' }];
const endless = [{ role: 'user', content: '/count' }];
const route = (path: string) => ({ method: 'POST', path, scope: 'inference', body: { type: 'object' } }) as const;
const stream = { body: { model: 'tiny', messages: endless, max_tokens: 100_000, stream: true } };

describe('guard as an extension of HTTP routes', function () {
  this.timeout(30_000);
  const cases = httpExtensionConformance({
    plugin: () =>
      guard({
        limits: { default: { requests_per_minute: 1_000, tokens_per_minute: 10_000_000 } },
        audit: {},
        redact: [{ pattern: 'sk-[A-Za-z0-9]{20,}' }],
      }),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    routes: [route('/v1/chat/completions'), route('/v1/messages'), route('/v1/embeddings')],
    requests: {
      'POST /v1/chat/completions': { body: { model: 'tiny', messages } },
      'POST /v1/messages': { body: { model: 'tiny', messages, max_tokens: 9 } },
      'POST /v1/embeddings': { body: { model: 'tiny', input: 'one' } },
    },
    streams: { 'POST /v1/chat/completions': stream, 'POST /v1/messages': stream },
  });
  for (const { name, run } of cases) it(name, () => run());
});
