// Requests to the routes of the server. Their URLs are relative to the page, which may be below any path.

/** An error of the server, or of the way to it. */
export class ApiError extends Error {
  constructor(
    message: string,
    /** The code of the server; `UNREACHABLE` when there was no response. */
    readonly code: string,
    /** The status; 0 when there was no response. */
    readonly status: number,
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** What a request can have besides its path. */
export interface ApiRequest {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly signal?: AbortSignal;
}

/** Sends requests with the key of the session, in a header. */
export class Api {
  constructor(
    /** The URL of the server's routes; it ends with a slash. */
    readonly base: URL,
    private readonly key: string | undefined,
    /** Called when the server does not accept the key, or asks for one; gets what it says. */
    private readonly onUnauthorized: (message: string) => void,
  ) {}

  /**
   * The JSON that the server responds with.
   * @param path Without a leading slash: `models`, `downloads/1`.
   * @throws ApiError
   */
  async request<T>(path: string, { method = 'GET', signal }: ApiRequest = {}): Promise<T> {
    const response = await this.#fetch(path, {
      method,
      ...(this.key === undefined ? {} : { headers: { authorization: `Bearer ${this.key}` } }),
      ...(signal === undefined ? {} : { signal }),
      credentials: 'same-origin', // For a proxy that asks for a password.
      cache: 'no-store',
    });
    const text = await response.text();
    if (!response.ok) {
      const error = errorOf(response, text);
      if (error.code === 'UNAUTHORIZED') this.onUnauthorized(error.message);
      throw error;
    }
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  async #fetch(path: string, options: RequestInit): Promise<Response> {
    try {
      return await fetch(new URL(path, this.base), options);
    } catch (error) {
      if (options.signal?.aborted === true) throw error;
      throw new ApiError('The server cannot be reached. Check that Lamina is running.', 'UNREACHABLE', 0);
    }
  }
}

/** A proxy may respond with something that is not JSON. */
function errorOf({ status, statusText }: Response, text: string): ApiError {
  try {
    const { error } = JSON.parse(text) as { error: { message: string; code: string } };
    return new ApiError(error.message, error.code, status);
  } catch {
    return new ApiError(`The server responded with ${status} ${statusText}.`, 'INVALID_RESPONSE', status);
  }
}
