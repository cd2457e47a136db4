// /openapi.json: every documented request is sent, and every answer is held to its schema.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { JsonObject, Plugin } from '@lamina/core';
import type { PluginContext } from '@lamina/core/plugin';
import { laminaRouter } from '@lamina/server-koa';
import { Validator } from '@seriousme/openapi-schema-validator';
import { problemsOf, target } from './support/documented.js';
import { serveEndlessFiles, type EndlessFiles } from './support/endless-file.js';
import { shelfPlugin } from './support/shelf-source.js';
import { chat, errorOf, startTestServer, type TestServer } from './support/test-server.js';

interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: JsonObject }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: JsonObject }>>;

interface OpenApi extends JsonObject {
  readonly openapi: string;
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation & JsonObject>>>>;
}

interface Answer {
  readonly content?: Content;
}

interface BodySchema {
  readonly properties?: Readonly<Record<string, { readonly type?: unknown }>>;
  readonly required?: readonly string[];
}

/** A request of a documented route. */
interface Example {
  /** Default: the path of the document. `ID` stands for the id of the download. */
  readonly path?: string;
  readonly body?: object;
  /** Default: one of the documented statuses of success. */
  readonly status?: number;
  /** The engine may refuse it. */
  readonly isAnyStatus?: boolean;
}

/** The text of an answer; of an event stream that does not end, its beginning. */
async function readAnswer(answer: Response, url: string): Promise<string> {
  if (!url.startsWith('/events')) return answer.text();
  const reader = answer.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return Buffer.from(value!).toString();
}

const echoSchema = { type: 'object', properties: { words: { type: 'array', items: { type: 'string' } } } } as const;

/** A plugin with routes. */
const echo: Plugin = {
  name: 'echo',
  setup(lamina: PluginContext) {
    lamina.extend('http', {
      routes: [
        {
          method: 'POST',
          path: '/echo/:word',
          scope: 'manage',
          summary: 'Repeats a word',
          body: { type: 'object', properties: { times: { type: 'integer', minimum: 1 } }, required: ['times'] },
          query: { type: 'object', properties: { end: { type: 'string' } } },
          response: echoSchema,
          handler: ({ params, body }) => ({
            words: Array.from({ length: (body as { times: number }).times }, () => params['word']!),
          }),
        },
      ],
    });
  },
};

const manager = { authorization: 'Bearer manager-key-1' };
const guest = { authorization: 'Bearer guest-key-1' };

describe('/openapi.json', function () {
  this.timeout(30_000);
  let testServer: TestServer;
  let files: EndlessFiles;
  let document: OpenApi;

  before(async () => {
    files = await serveEndlessFiles();
    testServer = await startTestServer({
      models: { tiny: {}, other: {} },
      plugins: [echo, shelfPlugin()],
      entries: {
        far: { path: 'far.fake', backend: 'fake', download: { url: `${files.origin}/far.fake` } },
        unwanted: { path: 'model.fake', backend: 'fake' },
      },
      server: {
        apiKeys: [
          { key: 'manager-key-1', name: 'laptop' },
          { key: 'guest-key-1', scope: 'inference' },
        ],
      },
    });
    document = (await (await send('GET', '/openapi.json')).json()) as OpenApi;
  });
  after(async () => {
    await testServer.close();
    await files.close();
  });

  function send(method: string, path: string, body?: object, headers: object = manager): Promise<Response> {
    const isForm = body instanceof FormData;
    return fetch(testServer.url + path, {
      method,
      headers: { ...headers },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
  }

  /** `GET /models/{name}` → its operation. */
  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    );

  it('is a valid OpenAPI 3.1 document of this version', async () => {
    const { valid, errors } = await new Validator().validate(
      structuredClone<object>(document) as Record<string, unknown>,
    );
    assert.equal(valid, true, JSON.stringify(errors, undefined, 1));
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as JsonObject;
    assert.deepEqual([document.openapi, document.info.version], ['3.1.0', version]);
  });

  it('has every route of the server, with what it does and what it responds', () => {
    assert.ok(
      operations().some(([name]) => name === 'POST /echo/{word}'),
      'of plugins too',
    );
    const routes = laminaRouter(testServer.lamina).stack.flatMap(({ path, methods }) =>
      methods
        .filter((method) => method !== 'HEAD')
        .map((method) => `${method} ${String(path).replace(/[:*](\w+)/g, '{$1}')}`),
    );
    assert.deepEqual(
      operations()
        .map(([name]) => name)
        .sort(),
      [...new Set(routes)].sort(),
    );
    for (const [name, { summary, responses }] of operations()) {
      assert.ok(summary !== undefined, `${name} has no summary`);
      for (const [status, { $ref, content }] of Object.entries(responses))
        assert.ok(status === '204' || $ref !== undefined || content !== undefined, `${name} ${status} has no schema`);
    }
    const ids = operations().map(([, { operationId }]) => operationId);
    assert.equal(new Set(ids).size, ids.length);
  });

  /** What one body for all inference routes has. */
  const everything = { ...chat('tiny'), times: 2, prompt: 'x', input: 'x', query: 'x', documents: ['x'] };
  const form = () => {
    const data = new FormData();
    data.set('model', 'tiny');
    data.set('file', new Blob(['x']), 'x.wav');
    return data;
  };

  /** The examples of an operation; those of inference routes follow from the types of their bodies. */
  function examplesOf(name: string, { requestBody }: Operation): readonly Example[] | undefined {
    if (requestBody?.content['multipart/form-data'] !== undefined) return [{ body: form(), isAnyStatus: true }];
    if (examples[name] !== undefined) return examples[name];
    return requestBody === undefined ? undefined : [{ body: everything, isAnyStatus: true }];
  }

  /** Responses of the engine that it refuses may have any status; those of Lamina have none but the documented ones. */
  const examples: Readonly<Record<string, readonly Example[]>> = {
    'POST /v1/chat/completions': [{ body: chat('tiny') }, { body: chat('tiny', 'hi', { stream: true }) }],
    'POST /chat/{name}': [{ path: '/chat/tiny', body: { messages: [{ role: 'user', content: 'hi' }] } }],
    'GET /v1/{route}': [{ path: '/v1/tokenize?model=tiny', isAnyStatus: true }],
    'POST /v1/{route}': [{ path: '/v1/tokenize', body: everything, isAnyStatus: true }],
    'DELETE /v1/{route}': [{ path: '/v1/files/x?model=tiny', isAnyStatus: true }],
    'GET /health': [{}],
    'GET /models': [{}, { path: '/models?backends=true&q=t&format=fake&state=ready' }],
    'GET /ps': [{}],
    'GET /v1/models': [{}],
    'GET /v1/models/{name}': [{ path: '/v1/models/tiny' }, { path: '/v1/models/nobody', status: 404 }],
    'GET /models/{name}/logs': [{ path: '/models/tiny/logs' }],
    'POST /models/{name}/start': [{ path: '/models/tiny/start' }, { path: '/models/other/start?wait=false' }],
    'GET /models/{name}': [{ path: '/models/tiny?backends=true' }, { path: '/models/far' }],
    'POST /models/{name}/stop': [{ path: '/models/tiny/stop' }, { path: '/models/other/stop?wait=false' }],
    'POST /models/reload': [{}],
    'POST /models/validate': [{}, { body: { models: ['far', 'tiny'] } }],
    'POST /suggest': [{}, { body: { use_case: null, max_size: '4GB' } }],
    'DELETE /models/{name}': [{ path: '/models/unwanted?files=false' }],
    'GET /backends': [{}],
    'POST /backends/refresh': [{}],
    'POST /backends/{name}/install': [
      { path: '/backends/fake/install' },
      { path: '/backends/none/install', status: 400 },
    ],
    'POST /download': [{ body: { model: 'far' } }],
    'GET /downloads': [{}],
    'GET /downloads/{id}': [{ path: '/downloads/ID' }, { path: '/downloads/none', status: 404 }],
    'POST /downloads/{id}/pause': [{ path: '/downloads/ID/pause' }],
    'POST /downloads/{id}/resume': [{ path: '/downloads/ID/resume' }],
    'DELETE /downloads/{id}': [{ path: '/downloads/ID' }],
    'GET /downloadable': [{}],
    'GET /search': [{ path: '/search?q=tiny&source=shelf&limit=5' }],
    'GET /events': [{ path: '/events?types=model.ready' }],
    'GET /requests': [{}, { path: '/requests?after=none' }],
    'GET /openapi.json': [{}],
    'GET /asyncapi.json': [{}],
    'POST /echo/{word}': [{ path: '/echo/hi', body: { times: 2 } }],
  };

  it('has the schema of every answer', async () => {
    await testServer.lamina.runtime.start('tiny');
    const names = Object.keys(examples);
    const all = operations().sort(([a], [b]) => names.indexOf(a) - names.indexOf(b));
    let download = '';
    for (const [name, operation] of all) {
      const [method, path] = name.split(' ') as [string, string];
      const sent = examplesOf(name, operation);
      assert.ok(sent !== undefined, `${name} has no example in this test`);
      for (const example of sent) {
        const url = (example.path ?? path).replace('ID', download);
        const answer = await send(method, url, example.body);
        const type = (answer.headers.get('content-type') ?? '').split(';')[0]!;
        const text = await readAnswer(answer, url);
        const title = `${name} ${answer.status} ${text.slice(0, 500)}`;
        const isDocumented = String(answer.status) in operation.responses;
        if (example.status === undefined && example.isAnyStatus !== true) assert.ok(isDocumented, title);
        if (example.status !== undefined) assert.equal(answer.status, example.status, title);
        const response = operation.responses[isDocumented ? answer.status : 'default']!;
        const { content = {} } = response.$ref === undefined ? response : (target(document, response.$ref) as Answer);
        if (answer.status === 204) continue;
        const schema = (content[type] ?? content['*/*'])?.schema;
        assert.ok(schema !== undefined, `${title}: ${type} is not documented`);
        const value: unknown = type === 'application/json' ? JSON.parse(text) : text;
        assert.deepEqual(problemsOf(document, schema, value), [], title);
        if (name === 'POST /download') download = (value as { id: string }).id;
      }
    }
  });

  it('has the schema of every body and query: what does not fit it is refused, with the name of the field', async () => {
    for (const [name, { requestBody, parameters }] of operations()) {
      const [method, path] = name.split(' ') as [string, string];
      const url = path.replace(/\{\w+\}/g, 'tiny');
      const { properties = {}, required = [] } = (requestBody?.content['application/json']?.schema ?? {}) as BodySchema;
      // Requests without a model are no requests of an engine, which has any route.
      const fields = name.endsWith('{route}') ? [] : Object.keys(properties);
      for (const field of fields) {
        if (properties[field]!.type === undefined) continue;
        const wrong = { ...everything, [field]: true };
        await assertRefused(await send(method, url, wrong), name, field);
      }
      for (const field of name.endsWith('{route}') ? [] : required) {
        const { [field]: _, ...lacking } = everything as Record<string, unknown>;
        await assertRefused(await send(method, url, lacking), name, field);
      }
      for (const { name: field, in: place, schema } of parameters) {
        if (place !== 'query' || [schema['type']].flat().includes('array') || path === '/v1/{route}') continue;
        await assertRefused(await send(method, `${url}?${field}=a&${field}=b`), name, field);
      }
    }
  });

  async function assertRefused(answer: Response, name: string, field: string): Promise<void> {
    const { code, message } = await errorOf(answer);
    assert.deepEqual([answer.status, code], [400, 'REQUEST_INVALID'], `${name} ${field}`);
    assert.ok(message.includes(`"${field}`), `${name}: ${message}`);
  }

  it('has the scope that each route requires', async () => {
    for (const [name, { security }] of operations()) {
      const [method, path] = name.split(' ') as [string, string];
      const url = path.replace(/\{\w+\}/g, 'tiny');
      const body = method === 'POST' ? {} : undefined;
      const statuses = [];
      for (const key of [{}, guest]) {
        const answer = await send(method, url, body, key);
        statuses.push(answer.status);
        await answer.body?.cancel(); // Events do not end.
      }
      if (security.length === 0) assert.ok(!statuses.includes(401) && !statuses.includes(403), name);
      else assert.equal(statuses[0], 401, name);
      const isForManagers = security.some((scheme) => Object.values(scheme).flat().includes('manage'));
      assert.equal(statuses[1] === 403, isForManagers, name);
    }
  });
});
