// The kit for HTTP extensions detects faulty plugins and hosts: each of these has one defect, and its case fails with what
// to change. The example of the guide passes; test/guides.test.ts runs it.
import assert from 'node:assert/strict';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { LaminaError, type Plugin } from '@lamina/core/plugin';
import { createServer, type HttpContext, type HttpRoute } from '@lamina/server-koa';
import { httpExtensionConformance, type HttpExtensionCaseName, type HttpExtensionKit } from '@lamina/testing';

/** What the handlers of a case have done. */
let producedBytes = 0;
let working = 0;

const body = { type: 'object', properties: { text: { type: 'string' } } } as const;
const greet: HttpRoute = {
  method: 'POST',
  path: '/greet',
  scope: 'manage',
  body,
  handler: () => ({ greeting: 'Hello' }),
};

/** Parts without an end, up to 64 MB a second. */
async function* parts(signal?: AbortSignal): AsyncGenerator<string> {
  working += 1;
  try {
    while (signal?.aborted !== true) {
      producedBytes += 65_536;
      yield 'x'.repeat(65_536);
      await setTimeout(1);
    }
  } finally {
    working -= 1;
  }
}

function tail(handler: (ctx: HttpContext) => unknown): HttpRoute {
  return { method: 'GET', path: '/tail', scope: 'manage', handler };
}

function pluginWith(...routes: HttpRoute[]): Plugin {
  return { name: 'greeter', setup: (lamina) => lamina.extend('http', { routes }) };
}

const streams = { 'GET /tail': { isWorking: () => working > 0, producedBytes: () => producedBytes } };

function kitWith(change: Partial<HttpExtensionKit>): HttpExtensionKit {
  return {
    plugin: () =>
      pluginWith(
        greet,
        tail((ctx) => ctx.stream(parts(), { as: 'sse' })),
      ),
    async serve(lamina, apiKeys) {
      const server = createServer(lamina, { port: 0, apiKeys });
      return { url: await server.listen(), close: (signal) => server.close({ signal }) };
    },
    requests: { 'POST /greet': { body: { text: 'Hi' } }, 'GET /tail': {} },
    streams,
    leaveMs: 1_000,
    ...change,
  };
}

/** A host that serves the routes by itself, without checks. */
const unchecked: HttpExtensionKit['serve'] = async () => {
  const server = createHttpServer((_request, response) => response.writeHead(200).end('{}'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => new Promise((resolve) => void server.close(() => resolve())) };
};

const onlyGreet = { plugin: () => pluginWith(greet), requests: { 'POST /greet': {} } };

const defects: readonly (readonly [string, HttpExtensionCaseName, Partial<HttpExtensionKit>, RegExp])[] = [
  [
    'has a route without a request in the kit',
    'every route responds to its request',
    { requests: { 'GET /tail': {} } },
    /The kit has no request for POST \/greet\. Add one to "requests"/,
  ],
  [
    'contributes no routes',
    'every route responds to its request',
    { plugin: () => pluginWith() },
    /The plugin "greeter" contributes no routes/,
  ],
  [
    'fails',
    'every route responds to its request',
    { ...onlyGreet, plugin: () => pluginWith({ ...greet, handler: () => Promise.reject(new Error('no ink')) }) },
    /POST \/greet was answered with 500/,
  ],
  [
    'responds where it should refuse',
    'every route responds to its request',
    { ...onlyGreet, requests: { 'POST /greet': { status: 501 } } },
    /POST \/greet was answered with 200/,
  ],
  [
    'is served without a check of keys',
    'every route rejects a request without a valid key',
    { ...onlyGreet, serve: unchecked },
    /POST \/greet without a key was answered with 200 instead of 401\. Serve the route through the extension point "http"/,
  ],
  [
    'is served without a check of scopes',
    'every route rejects a key without its scope',
    { ...onlyGreet, serve: unchecked },
    /POST \/greet with a key without "manage" was answered with 200 instead of 403/,
  ],
  [
    'is served to every host',
    'every route rejects a foreign host and a foreign origin',
    { ...onlyGreet, serve: unchecked },
    /POST \/greet with a foreign host was answered with 200 instead of 403/,
  ],
  [
    'accepts every body',
    'every route with a body rejects one that does not match its schema',
    { ...onlyGreet, plugin: () => pluginWith({ ...greet, body: {} }) },
    /POST \/greet with the body "text" was answered with 200 instead of 400\. Let the schema of the route/,
  ],
  [
    'refuses the requests of a route of Lamina',
    'every route responds to its request',
    {
      plugin: () => ({
        name: 'closed',
        setup: ({ hooks }) =>
          hooks.beforeRequest.tap(() => {
            throw new LaminaError('FORBIDDEN', { message: 'Closed.' });
          }),
      }),
      routes: [{ method: 'POST', path: '/v1/completions', scope: 'inference' }],
      requests: { 'POST /v1/completions': { body: { model: 'tiny', prompt: 'Hi' } } },
    },
    /POST \/v1\/completions was answered with 403/,
  ],
  [
    'has errors of another shape than documented',
    'errors have the documented shape',
    { error: { type: 'object', properties: { error: { type: 'string' } } } },
    /the body\.error must be string, not .*\. Throw a LaminaError, and give the extension an errorBody/,
  ],
  [
    'works on when its client has left',
    'a client that leaves ends the work of a route',
    {
      plugin: () =>
        pluginWith(
          greet,
          tail(async ({ koa, lamina }) => {
            koa.status = 200;
            koa.respond = false;
            for await (const part of parts(lamina.closing)) if (!koa.res.destroyed) koa.res.write(part);
          }),
        ),
    },
    /GET \/tail still works 1000 ms after its client has left\. Respond with ctx\.stream or ctx\.infer, or pass ctx\.signal/,
  ],
  [
    'does not wait for its client',
    'a client that does not read stops a route',
    {
      plugin: () =>
        pluginWith(
          greet,
          tail(async ({ koa, signal }) => {
            koa.status = 200;
            koa.respond = false;
            for await (const part of parts(signal)) koa.res.write(part);
          }),
        ),
    },
    /GET \/tail has produced \d+ bytes for a client that does not read\. Respond with ctx\.stream or ctx\.infer/,
  ],
];

describe('a plugin with routes that', function () {
  this.timeout(20_000);
  beforeEach(() => void (producedBytes = working = 0));

  for (const [defect, failingCase, change, message] of defects) {
    it(`${defect} fails "${failingCase}"`, async () => {
      const found = httpExtensionConformance(kitWith(change)).find(({ name }) => name === failingCase);
      await assert.rejects(found!.run(), message);
    });
  }

  for (const name of ['a client that leaves ends the work of a route', 'a client that does not read stops a route']) {
    it(`streams with ctx.stream passes "${name}"`, async () => {
      await httpExtensionConformance(kitWith({}))
        .find((each) => each.name === name)!
        .run();
    });
  }
});
