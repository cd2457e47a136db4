// Asks a lamina-server over HTTP; what it refuses comes back as the LaminaError it told.
import { LaminaError, reasonOf, type WireError } from '@lamina/core/protocol';
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** A server and the key it is asked with. */
export class ServerClient {
  constructor(
    /** Without a slash at its end. */
    readonly url: string,
    private readonly key: string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** The JSON of an answer. @throws LaminaError `SERVER_UNREACHABLE`, and what the server tells */
  async ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await response.text().catch((error: unknown) => this.lost(error));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /**
   * `undefined` once the server tells its events, then those of these types as they come; ends when the server ends the
   * stream.
   * @throws as {@link ask}
   */
  async *events<Event>(types: readonly string[]): AsyncGenerator<Event | undefined> {
    const { body } = await this.send('GET', `/events?types=${types.join(',')}`);
    const events = body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    yield undefined;
    try {
      for await (const { data } of events) yield JSON.parse(data) as Event;
    } catch (error) {
      this.lost(error);
    }
  }

  /** For an answer that did not come, or not to its end. */
  lost(error: unknown): never {
    this.signal.throwIfAborted();
    const cause =
      error instanceof Error && error.cause instanceof Error && error.cause.message !== '' ? error.cause : error;
    throw new LaminaError('SERVER_UNREACHABLE', { url: this.url, reason: reasonOf(cause) }, { cause: error });
  }

  private async send(method: string, path: string, body?: object): Promise<Response> {
    const headers = {
      ...(this.key === undefined ? {} : { authorization: `Bearer ${this.key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init = {
      method,
      headers,
      signal: this.signal,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(this.url + path, init).catch((error: unknown) => this.lost(error));
    const isJson = /\bjson\b|event-stream/.test(response.headers.get('content-type') ?? '') || response.status === 204;
    if (response.ok && isJson) return response;
    throw await this.refusal(response);
  }

  private async refusal(response: Response): Promise<LaminaError> {
    const { error } = ((await response.json().catch(() => undefined)) ?? {}) as { error?: WireError };
    if (typeof error?.message !== 'string' || typeof error.code !== 'string')
      return new LaminaError('SERVER_UNREACHABLE', {
        url: this.url,
        reason: `what is there answers ${response.status} and is no Lamina`,
      });
    const wanted = `The server at ${this.url} wants a key${this.key === undefined ? '' : ', and not the one it got'}: name a file that holds it with --api-key-file, or set LAMINA_API_KEY.`;
    return LaminaError.fromWire(error.code === 'UNAUTHORIZED' ? { ...error, message: wanted } : error);
  }
}
