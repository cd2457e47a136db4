// The context of one request for the handler of its route.
import { LaminaError } from '@lamina/core';
import type { RouterContext } from '@koa/router';
import { callerLamina, type CallerLamina } from '../extensions/caller-lamina.js';
import { callerOf, requireKey, type NetworkCaller } from '../middleware/authentication.js';
import { requestIdOf } from '../middleware/request-log.js';
import { responseSignal } from '../request/disconnect-signal.js';
import { inferenceBodyOf } from '../request/inference-body.js';
import { forward, isPlainPath } from './forward.js';
import type { HttpContext } from './http-context.js';
import type { RouteServices } from './route.js';
import { streamParts } from './stream-parts.js';

/** See {@link HttpContext}. Its functions are properties, so that handlers can destructure it. */
export class RequestContext implements HttpContext {
  body: unknown;
  readonly #services: RouteServices;
  #signal: AbortSignal | undefined;
  #lamina: CallerLamina | undefined;

  constructor(
    readonly koa: RouterContext,
    services: RouteServices,
    readonly next: () => Promise<void>,
  ) {
    this.#services = services;
  }

  get id(): string {
    return requestIdOf(this.koa);
  }

  get caller(): NetworkCaller {
    return callerOf(this.koa);
  }

  get params(): Readonly<Record<string, string>> {
    return this.koa.params;
  }

  get signal(): AbortSignal {
    return (this.#signal ??= responseSignal(this.koa.res));
  }

  get lamina(): CallerLamina {
    if (this.#lamina === undefined) {
      const { caller, signal } = this;
      const { lamina, closing } = this.#services;
      const operation = `${this.koa.method} ${this.koa.path}`;
      const { headers } = this.koa.req;
      this.#lamina = callerLamina(lamina, { caller, operation, signal, closing, headers });
    }
    return this.#lamina;
  }

  readonly infer: HttpContext['infer'] = async (route, json) => {
    requireKey(this.koa, 'inference');
    if (!isPlainPath(route))
      throw new LaminaError('REQUEST_INVALID', { message: `"${route}" is not a route of engines.` });
    const { lamina, limits } = this.#services;
    const body = inferenceBodyOf(json, route);
    await forward(this.koa, lamina, { route, heartbeatMs: limits.heartbeatMs }, Promise.resolve(body));
  };

  readonly stream: HttpContext['stream'] = (parts, options) =>
    streamParts(this.koa, parts, options, { signal: this.signal, heartbeatMs: this.#services.limits.heartbeatMs });
}
