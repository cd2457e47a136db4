// HTTP client for lamina-server; an error response is thrown as LaminaError.
import { LaminaError, networkReasonOf, type WireError } from '@lamina/core/protocol';
import { EventSourceParserStream } from 'eventsource-parser/stream';

/** A server and the API key for it. */
export class ServerClient {
  constructor(
    /** Without a trailing slash. */
    readonly url: string,
    private readonly key: string | undefined,
    private readonly signal: AbortSignal,
  ) {}

  /** The JSON body of the response. @throws LaminaError `SERVER_UNREACHABLE`, and the error of the server */
  async request<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T> {
    const response = await this.send(method, path, body);
    const text = await response.text().catch((error: unknown) => this.throwUnreachable(error));
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /**
   * Yields `undefined` when the stream of events is open, then each event of these types; ends when the server ends the
   * stream. Aborting `signal` ends it with an error.
   * @throws as {@link request}
   */
  async *events<Event>(types: readonly string[], signal = this.signal): AsyncGenerator<Event | undefined> {
    const { body } = await this.send('GET', `/events?types=${types.join(',')}`, undefined, signal);
    const events = body!.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    yield undefined;
    try {
      for await (const { data } of events) yield JSON.parse(data) as Event;
    } catch (error) {
      this.throwUnreachable(error);
    }
  }

  /** Throws the error for a response that did not arrive, or not to its end. */
  throwUnreachable(error: unknown): never {
    this.signal.throwIfAborted();
    throw new LaminaError('SERVER_UNREACHABLE', { url: this.url, reason: networkReasonOf(error) }, { cause: error });
  }

  private async send(method: string, path: string, body?: object, signal = this.signal): Promise<Response> {
    const headers = {
      ...(this.key === undefined ? {} : { authorization: `Bearer ${this.key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const init = {
      method,
      headers,
      signal: AbortSignal.any([this.signal, signal]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await fetch(this.url + path, init).catch((error: unknown) => this.throwUnreachable(error));
    const isJson = /\bjson\b|event-stream/i.test(response.headers.get('content-type') ?? '') || response.status === 204;
    if (response.ok && isJson) return response;
    throw await this.errorFrom(response);
  }

  private async errorFrom(response: Response): Promise<LaminaError> {
    const { error } = ((await response.json().catch(() => undefined)) ?? {}) as { error?: WireError };
    if (typeof error?.message !== 'string' || typeof error.code !== 'string')
      return new LaminaError('SERVER_UNREACHABLE', {
        url: this.url,
        reason: `the response (status ${response.status}) is not from a lamina-server`,
      });
    if (error.code !== 'UNAUTHORIZED') return LaminaError.fromWire(error);
    const problem =
      this.key === undefined ? `${this.url} requires an API key` : `The API key is not valid for ${this.url}`;
    return LaminaError.fromWire({ ...error, message: `${problem}. Use --api-key-file <file> or set LAMINA_API_KEY.` });
  }
}
