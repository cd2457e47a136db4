// Conformance of routes: who may use them, and how they respond to errors.
import assert from 'node:assert/strict';
import { check } from '@lamina/core';
import { keys, type ExtensionHost, type ExtensionReply, type TestedRoute } from './host.js';

const laminaError = {
  type: 'object',
  properties: {
    error: {
      type: 'object',
      properties: { code: { type: 'string' }, message: { type: 'string', minLength: 1 } },
      required: ['code', 'message'],
    },
  },
  required: ['error'],
} as const;

export const accessCases = {
  'every route responds to its request': async (host: ExtensionHost) => {
    for (const route of host.routes()) {
      const reply = await host.send(route, { key: keys.all });
      const { status } = host.requestFor(route);
      const isRight = status === undefined ? reply.status < 400 : reply.status === status;
      assert.ok(isRight, `${route.name} was answered with ${reply.status}: ${reply.text}`);
    }
  },

  'every route rejects a request without a valid key': async (host: ExtensionHost) => {
    for (const route of host.routes().filter(({ scope }) => scope !== 'public')) {
      assertStatus(await host.send(route), 401, `${route.name} without a key`, needsCheck);
      assertStatus(await host.send(route, { key: 'not-a-key' }), 401, `${route.name} with a wrong key`, needsCheck);
    }
  },

  'every route rejects a key without its scope': async (host: ExtensionHost) => {
    for (const route of host.routes()) {
      const key = route.scope === 'manage' ? keys.inference : route.scope === 'inference' ? keys.manage : undefined;
      if (key === undefined) continue; // Every valid key, or none, will do.
      assertStatus(
        await host.send(route, { key }),
        403,
        `${route.name} with a key without "${route.scope}"`,
        needsCheck,
      );
    }
  },

  'every route rejects a foreign host and a foreign origin': async (host: ExtensionHost) => {
    // A server that needs no key checks more: a web page of another site could otherwise use it.
    await host.withoutKeys(async (open) => {
      for (const route of open.routes()) {
        for (const headers of [{ host: 'attacker.example' }, { origin: 'https://attacker.example' }])
          assertStatus(
            await open.send(route, { headers }),
            403,
            `${route.name} with a foreign ${Object.keys(headers)[0]}`,
            needsCheck,
          );
      }
    });
  },

  'every route with a body rejects one that does not match its schema': async (host: ExtensionHost) => {
    for (const route of host.routes().filter(({ body }) => body !== undefined)) {
      for (const raw of ['{', '"text"'])
        assertStatus(
          await host.send(route, { key: keys.all, raw }),
          400,
          `${route.name} with the body ${raw}`,
          'Let the schema of the route say that its body is an object.',
        );
    }
  },

  'errors have the documented shape': async (host: ExtensionHost) => {
    for (const route of host.routes()) {
      const replies = await errorsOf(host, route);
      for (const { status, text } of replies) {
        const problems = check(host.kit.error ?? laminaError, parsed(text, route));
        const [{ path, message } = { path: [], message: '' }] = problems;
        assert.ok(
          problems.length === 0,
          `${route.name} responds ${status} with ${text}: ${['the body', ...path].join('.')} ${message}. ` +
            'Throw a LaminaError, and give the extension an errorBody if its errors look different.',
        );
      }
    }
  },
};

const needsCheck =
  'Serve the route through the extension point "http" with a scope, so that Lamina checks its requests.';

function assertStatus({ status }: ExtensionReply, wanted: number, what: string, advice: string): void {
  assert.equal(status, wanted, `${what} was answered with ${status} instead of ${wanted}. ${advice}`);
}

/** The error responses that every route can give: for a missing key, and for a body that is not JSON. */
async function errorsOf(host: ExtensionHost, route: TestedRoute): Promise<ExtensionReply[]> {
  const replies = [];
  if (route.scope !== 'public') replies.push(await host.send(route));
  if (route.body !== undefined) replies.push(await host.send(route, { key: keys.all, raw: '{' }));
  return replies;
}

function parsed(text: string, { name }: TestedRoute): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return assert.fail(`An error of ${name} is not JSON: ${text}`);
  }
}
