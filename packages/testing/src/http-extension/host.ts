// The environment of one case for HTTP extensions: a Lamina with the plugin and a fake engine, served with three keys.
import assert from 'node:assert/strict';
import { Agent, request } from 'undici';
import type { HttpExtensionKit, KitRoute, RouteRequest, ServedLamina, TestKeys } from './kit.js';
import { fakePlugin } from '../fake-engine.js';
import type { FakeEngineState } from '../fake-engine/state.js';
import { createTestLamina, type TestLamina } from '../test-lamina.js';

/** Scope → a key that has it. `all` has every scope. */
export const keys = { all: 'key-with-all-scopes', inference: 'key-for-inference', manage: 'key-for-manage' } as const;

const allKeys: TestKeys = [
  { key: keys.all },
  { key: keys.inference, scope: 'inference' },
  { key: keys.manage, scope: 'manage' },
];

/** A route with its name. */
export interface TestedRoute extends KitRoute {
  /** `POST /notes` */
  readonly name: string;
}

/** A complete response. */
export interface ExtensionReply {
  readonly status: number;
  readonly text: string;
}

const model = {
  plugins: [],
  files: { 'tiny.fake': 'a fake model' },
  manifest: { models: { tiny: { path: 'tiny.fake', options: { chunk_bytes: 16_384 } } } },
} as const;

const answerMs = 30_000;
/** For requests under way; then the server ends them. */
const closeMs = 1_000;

/** See the first line of this file. */
export class ExtensionHost {
  readonly #agent = new Agent({ pipelining: 0 });

  private constructor(
    readonly kit: HttpExtensionKit,
    readonly lamina: TestLamina,
    private readonly server: ServedLamina,
  ) {}

  static async open(kit: HttpExtensionKit, apiKeys: TestKeys = allKeys): Promise<ExtensionHost> {
    const { plugins = [], ...options } = kit.lamina ?? model;
    const lamina = await createTestLamina({ ...options, plugins: [fakePlugin(), ...plugins, kit.plugin()] });
    try {
      return new ExtensionHost(kit, lamina, await kit.serve(lamina, apiKeys));
    } catch (error) {
      await lamina.close();
      throw error;
    }
  }

  /** Runs with a server that needs no key. */
  async withoutKeys(run: (host: ExtensionHost) => Promise<void>): Promise<void> {
    const host = await ExtensionHost.open(this.kit, []);
    try {
      await run(host);
    } finally {
      await host.close();
    }
  }

  get url(): URL {
    return new URL(this.server.url);
  }

  /** The routes that the plugin contributes, and those of the kit. @throws AssertionError without any */
  routes(): readonly TestedRoute[] {
    const plugin = this.kit.plugin().name;
    const contributions = this.lamina.extensions('http' as never) as readonly { plugin: string; value: unknown }[];
    const contributed = contributions
      .filter((contribution) => contribution.plugin === plugin)
      .flatMap(({ value }) => (value as { routes?: readonly KitRoute[] }).routes ?? []);
    const routes = [...contributed, ...(this.kit.routes ?? [])];
    assert.ok(
      routes.length > 0,
      `The plugin "${plugin}" contributes no routes to the extension point "http", and the kit names none of Lamina that it changes.`,
    );
    return routes.map((route) => ({ ...route, name: `${route.method} ${route.path}` }));
  }

  /** The request that the kit has for a route. */
  requestFor({ name }: TestedRoute): RouteRequest {
    const found = this.kit.requests[name];
    assert.ok(found !== undefined, `The kit has no request for ${name}. Add one to "requests".`);
    return found;
  }

  /** Sends the request of a route. `raw` replaces its body. */
  async send(
    route: TestedRoute,
    { key, headers = {}, raw }: { key?: string; headers?: Readonly<Record<string, string>>; raw?: string } = {},
  ): Promise<ExtensionReply> {
    const { path = route.path, body } = this.requestFor(route);
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const response = await request(new URL(path, this.url), {
      method: route.method,
      headers: {
        ...(content === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(content === undefined ? {} : { body: content }),
      dispatcher: this.#agent,
      signal: AbortSignal.timeout(answerMs),
    });
    return { status: response.statusCode, text: await response.body.text() };
  }

  /** The counters of the fake engine of the model `tiny`; `undefined` while it does not run. */
  async engine(): Promise<FakeEngineState | undefined> {
    if (this.lamina.runtime.slot('tiny')?.state !== 'ready') return undefined;
    const lease = await this.lamina.runtime.acquire('tiny', { signal: AbortSignal.timeout(answerMs) });
    try {
      const response = await request(new URL('/fake/state', lease.endpoint().baseUrl), { dispatcher: this.#agent });
      return (await response.body.json()) as FakeEngineState;
    } finally {
      lease.release();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
    await this.server.close(AbortSignal.timeout(closeMs));
    await this.lamina.close();
  }
}
