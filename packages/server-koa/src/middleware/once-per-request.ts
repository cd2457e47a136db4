// Middleware as one function that runs once per request.
import type { Context, Middleware } from 'koa';
import compose from 'koa-compose';

/** Runs middleware around the rest of a request; does nothing for a request that it is already running for. */
export type Around = (ctx: Context, rest: () => Promise<void>) => Promise<void>;

/** The middleware as one function; `undefined` when there is none. */
export function oncePerRequest(middleware: readonly Middleware[]): Around | undefined {
  if (middleware.length === 0) return undefined;
  const running = Symbol('running');
  const run = compose([...middleware]);
  return (ctx, rest) => {
    const state = ctx.state as { [running]?: true };
    if (state[running] === true) return rest(); // A route has handed the request on to the next one of its path.
    state[running] = true;
    return run(ctx, rest);
  };
}
