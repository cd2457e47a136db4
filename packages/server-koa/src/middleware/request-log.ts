// The id of a request, and its one line in the log.
import { randomUUID } from 'node:crypto';
import type { LaminaError, Logger } from '@lamina/core';
import type { Context, Middleware } from 'koa';

const known = Symbol('request');

/** What is known of a request. */
interface RequestRecord {
  readonly id: string;
  readonly startedAt: number;
  /** What it was answered with, or broke off with. */
  error?: LaminaError;
  /** Whether core logs it: every inference request does, however it comes. */
  ofCore?: boolean;
}

interface State {
  [known]?: RequestRecord;
}

type WithState = Pick<Context, 'state'>;

/** The paths that are logged, up to this many characters. */
const longestPath = 200;

/**
 * Gives each request its id, which the client gets as `x-request-id`, and logs its end. GET and the like are logged at
 * `debug`, for pages ask for them all the time; what changes something, and what is refused, at `info`; what failed at
 * `error`. Never logged are the query and the text of a refusal, which may quote the body.
 */
export function requestLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const record: RequestRecord = { id: randomUUID(), startedAt: performance.now() };
    (ctx.state as State)[known] = record;
    await next();
    if (!ctx.res.headersSent) ctx.set('x-request-id', record.id);
    if (record.ofCore !== true) write(ctx, record, log);
  };
}

/** The id of a request. */
export function requestIdOf(ctx: WithState): string {
  return recordOf(ctx).id;
}

/** Notes the error that a request is answered with. */
export function noteError(ctx: WithState, error: LaminaError): void {
  recordOf(ctx).error = error;
}

/** Says that core logs this request. */
export function leaveToCore(ctx: WithState): void {
  recordOf(ctx).ofCore = true;
}

function recordOf(ctx: WithState): RequestRecord {
  return (ctx.state as State)[known]!;
}

function write(ctx: Context, { id, startedAt, error }: RequestRecord, log: Logger): void {
  const { method } = ctx;
  const path = ctx.path.slice(0, longestPath);
  const status = error?.status ?? ctx.status;
  const ms = Math.round(performance.now() - startedAt);
  const failed = status >= 500;
  const why = error === undefined ? {} : { code: error.code, ...(failed ? { reason: error.message } : {}) };
  const outcome = `${status}${error === undefined ? '' : ` ${error.code}`} in ${ms} ms${failed && error !== undefined ? `: ${error.message}` : ''}`;
  const fields = { event: 'http.request', request: id, method, path, status, ms, ...why };
  log[levelOf(method, status)](fields, `Request ${id.slice(0, 8)} ${method} ${path}: ${outcome}`);
}

function levelOf(method: string, status: number): 'debug' | 'info' | 'error' {
  if (status >= 500) return 'error';
  return status < 400 && ['GET', 'HEAD', 'OPTIONS'].includes(method) ? 'debug' : 'info';
}
