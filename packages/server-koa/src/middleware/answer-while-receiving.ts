// Answers a client that is still sending a body nobody will read.
import type { Context } from 'koa';

/** How long the client may go on sending before it is cut off. */
const patienceMs = 2000;

/**
 * Sends the answer at once and whole, but closes the connection only when the client has stopped sending, or after two
 * seconds: closing while bytes are on their way resets the connection, and the client would never see the answer. What
 * comes meanwhile is dropped.
 */
export function answerWhileReceiving(ctx: Context): void {
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
  const timer = setTimeout(close, patienceMs);
  req.once('close', close).resume();
}
