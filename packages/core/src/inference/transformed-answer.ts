// An answer on its way to a client, changed as plugins asked, without the usage that only Lamina asked the engine for.
import { LaminaError } from '../contract/errors.js';
import type { ResponseSink } from '../contract/inference.js';
import type { JsonObject } from '../contract/schema.js';
import { isMapping, parseJson } from '../kernel/json.js';
import type { TransformCollector } from '../kernel/response-transforms.js';
import { EventChanges } from './event-changes.js';

/** What decides on the changes of one answer. */
export interface AnswerChanges {
  /** Asks the plugins. @throws LaminaError `PLUGIN_FAILED`, or what a tap refuses with */
  collect(isStream: boolean): TransformCollector;
  /** Whether Lamina asked for the usage of the stream although the client did not. */
  withholdsUsage(): boolean;
}

/** The longest body that plugins change, in bytes. */
const maxBodyBytes = 64 * 1024 * 1024;

interface HeldBody {
  readonly status: number;
  readonly headers: string[];
  readonly change: (body: JsonObject) => JsonObject;
  readonly chunks: Buffer[];
  bytes: number;
}

/** Passes an answer on. The head of a body that is to be changed is held back until the body is complete. */
export class TransformedAnswer implements ResponseSink {
  readonly #sink: ResponseSink;
  readonly #changes: AnswerChanges;
  #body: HeldBody | undefined;
  #events: EventChanges | undefined;

  constructor(sink: ResponseSink, changes: AnswerChanges) {
    this.#sink = sink;
    this.#changes = changes;
  }

  get headersSent(): boolean {
    return this.#sink.headersSent;
  }

  get writableEnded(): boolean {
    return this.#sink.writableEnded;
  }

  writeHead(status: number, headers: string[]): void {
    const type = valueOf(headers, 'content-type')?.toLowerCase() ?? '';
    const isStream = type.startsWith('text/event-stream');
    const { chunkChanges: chunks, bodyChange: change } = this.#changes.collect(isStream);
    const withholdsUsage = isStream && this.#changes.withholdsUsage();
    this.#events =
      isStream && (chunks !== undefined || withholdsUsage) ? new EventChanges(chunks, withholdsUsage) : undefined;
    this.#body =
      change !== undefined && type.includes('json') ? { status, headers, change, chunks: [], bytes: 0 } : undefined;
    if (this.#body !== undefined) return;
    this.#sink.writeHead(status, this.#events === undefined ? headers : withoutLength(headers));
  }

  flushHeaders(): void {
    if (this.#body === undefined) this.#sink.flushHeaders();
  }

  write(chunk: Buffer): boolean {
    if (this.#body !== undefined) return hold(this.#body, chunk);
    if (this.#events === undefined) return this.#sink.write(chunk);
    return this.#writeAll(this.#events.feed(chunk));
  }

  once(event: 'drain', listener: () => void): void {
    this.#sink.once(event, listener);
  }

  end(): void {
    if (this.#body !== undefined) this.#writeBody(this.#body);
    if (this.#events !== undefined) this.#writeAll(this.#events.end());
    this.#sink.end();
  }

  #writeAll(parts: readonly Buffer[]): boolean {
    if (parts.length === 0) return true;
    return this.#sink.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
  }

  #writeBody({ status, headers, change, chunks }: HeldBody): void {
    const bytes = Buffer.concat(chunks);
    const json = parseJson(bytes.toString());
    const changed = isMapping(json) ? change(json as JsonObject) : json;
    if (changed === json) {
      this.#sink.writeHead(status, headers);
      this.#sink.write(bytes);
      return;
    }
    this.#sink.writeHead(status, withoutLength(headers));
    this.#sink.write(Buffer.from(JSON.stringify(changed)));
  }
}

function hold(body: HeldBody, chunk: Buffer): true {
  body.bytes += chunk.length;
  if (body.bytes > maxBodyBytes) {
    const message = `The answer has more than ${maxBodyBytes} bytes, too many for the plugins that change answers.`;
    throw new LaminaError('NOT_SUPPORTED', { message });
  }
  body.chunks.push(chunk);
  return true;
}

function valueOf(headers: readonly string[], name: string): string | undefined {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === name) return headers[index + 1];
  return undefined;
}

/** Without what is only true of the engine's own bytes. */
function withoutLength(headers: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < headers.length; index += 2)
    if (headers[index] !== 'content-length' && headers[index] !== 'etag')
      kept.push(headers[index]!, headers[index + 1]!);
  return kept;
}
