// Responds to a client that is still sending a body nobody will read.
import type { Context } from 'koa';

/** How long the client may continue to send before it is disconnected, in milliseconds. */
const sendingTimeoutMs = 2000;

/**
 * Sends the whole response at once, but closes the connection only when the client has stopped sending, or after two
 * seconds: closing it while bytes arrive resets it, and the client would not see the response. What arrives meanwhile is
 * discarded.
 */
export function respondWhileReceiving(ctx: Context): void {
  ctx.respond = false;
  const { req, res } = ctx;
  const body = JSON.stringify(ctx.body);
  res.setHeader('Connection', 'close');
  res.setHeader('Content-Type', 'application/json; charset=utf-8');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.write(body);
  const close = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(close, sendingTimeoutMs);
  req.once('close', close).resume();
}
