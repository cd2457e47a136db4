// The context of one request for the handler of its route.
import type { RouterContext } from '@koa/router';
import { callerOf, type NetworkCaller } from '../middleware/authentication.js';
import { disconnectSignal } from '../request/disconnect-signal.js';
import type { HttpContext } from './http-context.js';

/** See {@link HttpContext}. */
export class RequestContext implements HttpContext {
  constructor(
    readonly koa: RouterContext,
    readonly body: unknown,
    readonly next: () => Promise<void>,
  ) {}

  get caller(): NetworkCaller {
    return callerOf(this.koa);
  }

  get params(): Readonly<Record<string, string>> {
    return this.koa.params;
  }

  get signal(): AbortSignal {
    return disconnectSignal(this.koa);
  }
}
