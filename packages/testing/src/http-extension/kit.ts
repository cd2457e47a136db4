// The description of a plugin with HTTP routes for its conformance tests.
import type { Lamina } from '@lamina/core';
import type { Plugin, Schema } from '@lamina/core/plugin';
import type { TestLaminaOptions } from '../test-lamina.js';

/** A route, as far as the kit reads it. */
export interface KitRoute {
  readonly method: string;
  readonly path: string;
  readonly scope: 'public' | 'any' | 'inference' | 'manage';
  readonly body?: Schema;
}

/** A request to a route. */
export interface RouteRequest {
  /** With the parameters of the route filled in. Default: the path of the route. */
  readonly path?: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** The status of the response. Default: any below 400. A route that only says what to do instead has another. */
  readonly status?: number;
}

/** A request whose response is a stream that does not end while a client reads it. */
export interface StreamRequest extends RouteRequest {
  /** Whether the handler still works on a request. Default: whether the fake engine computes one. */
  isWorking?(lamina: Lamina): boolean | Promise<boolean>;
  /** How many bytes the handler has produced so far. Default: the bytes that the fake engine has sent. */
  producedBytes?(lamina: Lamina): number | Promise<number>;
}

/** The keys of the server in a test: `{ key, scope }`; a key without a scope has both. */
export type TestKeys = readonly { readonly key: string; readonly scope?: 'inference' | 'manage' }[];

/** A server that the kit has started. */
export interface ServedLamina {
  readonly url: string;
  /** Closes the server. Aborting the signal ends the requests under way. */
  close(signal: AbortSignal): Promise<void>;
}

/**
 * A plugin with HTTP routes, or one that changes those of Lamina, and what to test it with. A case that needs a missing
 * member fails, unless `skip` says why it does not apply.
 */
export interface HttpExtensionKit {
  /** Creates the plugin; called for each case. */
  plugin(): Plugin;
  /**
   * Serves the Lamina with these keys on a free port of 127.0.0.1; without any, for everybody.
   * @example
   * ```ts
   * const serve: HttpExtensionKit['serve'] = async (lamina, apiKeys) => {
   *   const server = createServer(lamina, { port: 0, apiKeys });
   *   return { url: await server.listen(), close: (signal) => server.close({ signal }) };
   * };
   * ```
   */
  serve(lamina: Lamina, apiKeys: TestKeys): Promise<ServedLamina>;
  /**
   * Routes of Lamina that the plugin changes, by hooks or middleware: they are tested as those that it contributes.
   * Default: none.
   * @example
   * ```ts
   * const routes: HttpExtensionKit['routes'] = [
   *   { method: 'POST', path: '/v1/chat/completions', scope: 'inference', body: { type: 'object' } },
   * ];
   * ```
   */
  readonly routes?: readonly KitRoute[];
  /** A request for every route: `{ 'POST /notes': { body: { text: 'Milk' } } }`. */
  readonly requests: Readonly<Record<string, RouteRequest>>;
  /** A long request for every route that streams. */
  readonly streams?: Readonly<Record<string, StreamRequest>>;
  /** The schema of an error's body. Default: that of Lamina, `{ error: { code, message } }`. */
  readonly error?: Schema;
  /**
   * Options of the Lamina. Default: the fake model `tiny`, whose response to a message with `/count` never ends.
   */
  readonly lamina?: TestLaminaOptions;
  /** How long a handler may work on after its client has left, in milliseconds. Default 10,000. */
  readonly leaveMs?: number;
  /** Name of a case → why it does not apply. */
  readonly skip?: Readonly<Record<string, string>>;
}
