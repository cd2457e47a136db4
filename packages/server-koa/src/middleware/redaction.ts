// Callers without the scope `manage` are not told where files lie on this machine, nor where engines listen.
import type { Middleware } from 'koa';
import { scopesOf, type Scopes } from './authentication.js';
import { isJson } from './json.js';

/** Characters that end a path within a sentence; a path in quotes may have blanks. */
const segment = String.raw`[^\s/"'\`<>|:;,()\[\]{}]+`;
/** An absolute path of two parts or more. A URL has none, and a route follows its method: `GET /models/x`. */
const notPath = String.raw`[\w.~:/@\]-]|\b(?:GET|HEAD|POST|PUT|DELETE) `;
const path = new RegExp(`(?<!${notPath})/(?:${segment}/)+(${segment})?`, 'g');
const quotedPath = /(["'`])\/(?:[^"'`\n]*\/)([^"'`\n/]*)\1/g;
/** A path and nothing else, or a sentence that begins with one. */
const whole = /^\/(?:[^\n]*\/)?([^\n/]*)\/?$/;
/** The address of a process on a port: an IP address, or this machine. */
const address = /(?<![\w/.-])(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|\[[\da-f:.]+\]):\d{1,5}\b/gi;

/** What a caller may see of JSON: all of it with the scope `manage`, else of absolute paths only the last part. */
export function visibleTo<T>(held: Scopes, value: T): T {
  return held.has('manage') ? value : (redacted(value) as T);
}

/** Applies {@link visibleTo} to the JSON that routes answer with. */
export const redaction: Middleware = async (ctx, next) => {
  await next();
  if (isJson(ctx.body)) ctx.body = visibleTo(scopesOf(ctx), ctx.body);
};

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactedText(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (!isJson(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, redacted(inner)]));
}

function redactedText(text: string): string {
  const pathless = text.includes(' /') ? text : text.replace(whole, '$1');
  return pathless.replace(quotedPath, '$1$2$1').replace(path, '$1').replace(address, 'its address');
}
