// The conformance kit of HTTP extensions.
import { anthropicApi } from '@lamina/plugin-anthropic-api';
import { createServer } from '@lamina/server-koa';
import { httpExtensionConformance, type HttpExtensionKit } from '@lamina/testing';

const text = { type: 'string', minLength: 1 };
const body = { model: 'tiny', max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] };
const endless = {
  body: { model: 'tiny', stream: true, messages: [{ role: 'user', content: '/count' }] },
};

const kit: HttpExtensionKit = {
  plugin: () => anthropicApi({ translate: 'always' }),
  async serve(lamina, apiKeys) {
    const server = createServer(lamina, { port: 0, apiKeys });
    return { url: await server.listen(), close: (signal) => server.close({ signal }) };
  },
  requests: {
    'POST /v1/messages': { body },
    'POST /messages': { body },
    'POST /v1/messages/count_tokens': { body },
    'POST /messages/count_tokens': { body },
    'GET /v1/models': {},
    'GET /v1/models/*name': { path: '/v1/models/tiny' },
  },
  streams: { 'POST /v1/messages': endless, 'POST /messages': endless },
  error: {
    type: 'object',
    properties: {
      type: { const: 'error' },
      error: { type: 'object', properties: { type: text, message: text }, required: ['type', 'message'] },
      request_id: text,
    },
    required: ['type', 'error', 'request_id'],
  },
};

describe('the kit for HTTP extensions, for anthropic-api', function () {
  this.timeout(30_000);
  for (const { name, skip, run } of httpExtensionConformance(kit)) (skip === undefined ? it : it.skip)(name, run);
});
