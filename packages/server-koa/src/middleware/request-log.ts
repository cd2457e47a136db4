// Gives each request an id, and logs one line for it.
import { randomUUID } from 'node:crypto';
import type { LaminaError, Logger } from '@lamina/core';
import type { Context, Middleware } from 'koa';
import { callerOf } from './authentication.js';

const recordKey = Symbol('request');

/** What is logged of a request. */
interface RequestRecord {
  readonly id: string;
  readonly startedAt: number;
  /** The error that it was answered with. */
  error?: LaminaError;
  /** Whether core logs it, as it does for all inference requests. */
  loggedByCore?: boolean;
}

interface RecordState {
  [recordKey]?: RequestRecord;
}

type WithState = Pick<Context, 'state'>;

/** The longest path in the log, in characters. */
const maxPathLength = 200;

/**
 * Gives each request an id, which the client gets as `x-request-id`, and logs its end: successful GET, HEAD and OPTIONS
 * at `debug`, because pages poll them; failures (5xx) at `error`; everything else at `info`. The query, and the text of
 * a refusal, which may quote the body, are never logged.
 */
export function requestLog(log: Logger): Middleware {
  return async (ctx, next) => {
    const record: RequestRecord = { id: randomUUID(), startedAt: performance.now() };
    (ctx.state as RecordState)[recordKey] = record;
    await next();
    if (!ctx.res.headersSent) ctx.set('x-request-id', record.id);
    if (record.loggedByCore !== true) write(ctx, record, log);
  };
}

/** The id of a request. */
export function requestIdOf(ctx: WithState): string {
  return recordOf(ctx).id;
}

/** Stores the error that a request is answered with, for its log line. */
export function noteError(ctx: WithState, error: LaminaError): void {
  recordOf(ctx).error = error;
}

/** Leaves the log line of this request to core. */
export function logInCore(ctx: WithState): void {
  recordOf(ctx).loggedByCore = true;
}

function recordOf(ctx: WithState): RequestRecord {
  return (ctx.state as RecordState)[recordKey]!;
}

function write(ctx: Context, { id, startedAt, error }: RequestRecord, log: Logger): void {
  const { method } = ctx;
  const path = ctx.path.slice(0, maxPathLength);
  const status = error?.status ?? ctx.status;
  const ms = Math.round(performance.now() - startedAt);
  const failed = status >= 500;
  const why = error === undefined ? {} : { code: error.code, ...(failed ? { reason: error.message } : {}) };
  const outcome = `${status}${error === undefined ? '' : ` ${error.code}`} in ${ms} ms${failed && error !== undefined ? `: ${error.message}` : ''}`;
  const { name } = callerOf(ctx);
  const key = name === undefined ? {} : { key: name };
  const fields = { event: 'http.request', request: id, ...key, method, path, status, ms, ...why };
  log[levelOf(method, status)](fields, `Request ${id.slice(0, 8)} ${method} ${path}: ${outcome}`);
}

function levelOf(method: string, status: number): 'debug' | 'info' | 'error' {
  if (status >= 500) return 'error';
  return status < 400 && ['GET', 'HEAD', 'OPTIONS'].includes(method) ? 'debug' : 'info';
}
