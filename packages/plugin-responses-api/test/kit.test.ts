// The routes pass the conformance tests for HTTP extensions.
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance } from '@lamina/testing';
import { responsesApi } from '../dist/index.js';

const body = { model: 'tiny', input: 'Hello' };
const endless = { body: { model: 'tiny', input: '/count', stream: true } };

describe('the routes of responses-api', function () {
  this.timeout(20_000);

  const cases = httpExtensionConformance({
    plugin: () => responsesApi(),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    requests: {
      'POST /v1/responses': { body },
      'POST /responses': { body },
      'GET /v1/responses/:id': { path: '/v1/responses/resp_1', status: 404 },
      'DELETE /v1/responses/:id': { path: '/v1/responses/resp_1', status: 404 },
    },
    streams: { 'POST /v1/responses': endless, 'POST /responses': endless },
    error: {
      type: 'object',
      properties: {
        error: {
          type: 'object',
          properties: {
            message: { type: 'string', minLength: 1 },
            type: { type: 'string' },
            param: { type: ['string', 'null'] },
            code: { type: ['string', 'null'] },
          },
          required: ['message', 'type', 'param', 'code'],
          additionalProperties: false,
        },
      },
      required: ['error'],
    },
  });
  for (const { name, skip, run } of cases) (skip === undefined ? it : it.skip)(name, run);
});
