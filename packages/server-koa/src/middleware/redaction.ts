// Hides from callers without the scope `manage` where files are on this machine and where engines listen.
import type { Caller, ErrorCode, WireError } from '@lamina/core';
import { hasScope } from './authentication.js';

/** Characters of one part of a path; a path in quotes may also have spaces. */
const segment = String.raw`[^\s/"'\`<>|:;,()\[\]{}]+`;
/** What comes before a slash that does not begin a path: the rest of a URL, or the method before a route. */
const notPath = String.raw`[\w.~:/@\]-]|\b(?:GET|HEAD|POST|PUT|DELETE) `;
/** An absolute path of two parts or more. */
const path = new RegExp(`(?<!${notPath})/(?:${segment}/)+(${segment})?`, 'g');
const quotedPath = /(["'`])\/(?:[^"'`\n]*\/)([^"'`\n/]*)\1/g;
/** A text that is only a path, or a sentence that begins with one. */
const whole = /^\/(?:[^\n]*\/)?([^\n/]*)\/?$/;
/** The address of a process on a port: an IP address, or this machine. */
const address = /(?<![\w/.-])(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|\[[\da-f:.]+\]):\d{1,5}\b/gi;

/** JSON as a caller may see it: unchanged with `manage`, else with the last part of absolute paths only. */
export function visibleTo<T>(caller: Caller, value: T): T {
  return hasScope(caller, 'manage') ? value : (redacted(value) as T);
}

/** Codes of errors that quote the request: its routes and names may look like paths. */
const aboutRequest: ReadonlySet<string> = new Set<ErrorCode>([
  'REQUEST_INVALID',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'MODEL_NOT_FOUND',
  'DOWNLOAD_NOT_FOUND',
  'ROUTE_NOT_FOUND',
  'METHOD_NOT_ALLOWED',
]);

/** An error as a caller may see it: without `manage` it has no engine output, paths and addresses. */
export function visibleError(caller: Caller, error: WireError): WireError {
  if (hasScope(caller, 'manage') || aboutRequest.has(error.code)) return error;
  const { last_lines: lines, ...details } = error.details ?? {};
  return visibleTo(caller, lines === undefined ? error : { ...error, details });
}

/** True for a plain object or an array; false for text, bytes and streams. */
export function isJson(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

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
