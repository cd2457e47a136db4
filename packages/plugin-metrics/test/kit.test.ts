// The plugin passes the conformance tests of HTTP extensions.
import assert from 'node:assert/strict';
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { metrics } from '../dist/index.js';
import { startMetered } from './metered-server.js';

describe('the plugin metrics', function () {
  this.timeout(20_000);
  const noStream = 'No route streams.';
  const cases = httpExtensionConformance({
    plugin: () => metrics(),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    requests: { 'GET /metrics': {}, 'GET /stats/series': { path: '/stats/series?window=5m&model=tiny' } },
    skip: {
      'every route with a body rejects one that does not match its schema': 'No route has a body.',
      'a client that leaves ends the work of a route': noStream,
      'a client that does not read stops a route': noStream,
    },
  });
  for (const { name, skip, run } of cases)
    it(name, function () {
      if (skip !== undefined) this.skip();
      return run();
    });

  it('shows nothing to a key without the scope `manage`', async () => {
    const apiKeys = [{ key: 'secret', scope: 'inference' }] as const;
    const server = await startMetered({ models: {}, server: { apiKeys }, key: 'secret' });
    try {
      for (const path of ['/metrics', '/stats/series', '/stats/series?model=tiny'])
        assert.equal((await server.get(path)).status, 403, path);
    } finally {
      await server.close();
    }
  });
});
