// HTTP requests to the Hub: token, redirects, time limit and errors.
import { isHeaderToken, LaminaError, networkReasonOf, type SourceContext } from '@lamina/core/plugin';
import {
  badToken,
  isBadToken,
  malformedToken,
  responseError,
  shown,
  unreachable,
  type FailedRequest,
} from './errors.js';
import type { Settings, Token } from './settings.js';

const responseTimeoutMs = 30_000;
const maxRedirects = 5;

/** What a request is about, for error messages. */
export type Subject = Pick<FailedRequest, 'repo' | 'search' | 'revision' | 'path'>;

/** A response of the Hub. */
export interface HubResponse {
  readonly response: Response;
  /** Its URL, after redirects within the Hub. */
  readonly url: string;
  /** The token that was sent. */
  readonly token: Token | undefined;
  /** Set when it is a redirect to another origin. */
  readonly redirectedTo?: string;
}

/** The Hub, or a mirror of it. The token is sent to its origin only. */
export class Hub {
  readonly endpoint: string;

  constructor(private readonly settings: Settings) {
    this.endpoint = settings.endpoint;
  }

  /**
   * A fetch for listings of files and models. It requests this endpoint only, whatever host the link to the next page names, and throws
   * a LaminaError for responses that are not 2xx.
   */
  listingFetch(subject: Subject, context: SourceContext): typeof globalThis.fetch {
    const seen = new Set<string>();
    return async (input) => {
      const url = this.atEndpoint(input instanceof Request ? input.url : String(input));
      if (seen.has(url)) throw unreachable(`${this.endpoint} sends the list for ${shown(subject)} in an endless loop.`);
      seen.add(url);
      const { response, redirectedTo } = await this.request(url, subject, context);
      if (redirectedTo !== undefined)
        throw unreachable(
          `${this.endpoint} redirects to ${new URL(redirectedTo).host} instead of responding. Log in to your network, or set HF_ENDPOINT to the URL of the Hub.`,
        );
      return response;
    };
  }

  /**
   * Sends a GET request and follows redirects within the origin. The timeout includes the body of listings.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND`
   */
  async request(
    url: string,
    subject: Subject,
    context: SourceContext,
    headers: Record<string, string> = {},
  ): Promise<HubResponse> {
    if (this.settings.offline)
      throw unreachable(
        `HF_HUB_OFFLINE is set, so the Hub cannot be used for ${shown(subject)}. Unset it to use the network.`,
      );
    const token = await this.settings.token();
    if (token !== undefined && !isHeaderToken(token.value)) throw malformedToken(token);
    const result = await this.follow(url, subject, context, headers, token);
    if (result.response.status < 400) return result;
    const failed = { ...subject, endpoint: this.endpoint, token };
    if (
      token === undefined ||
      !isBadToken(
        result.response.status,
        result.response.headers.get('x-error-message') ?? (await result.response.clone().text()),
      )
    )
      throw await responseError(result.response, failed);
    return this.withoutToken(url, failed, context, headers);
  }

  /** Public models can be downloaded although the token is wrong. */
  private async withoutToken(
    url: string,
    failed: FailedRequest,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<HubResponse> {
    const result = await this.follow(url, failed, context, headers, undefined);
    if (result.response.status >= 400) {
      await result.response.body?.cancel();
      throw badToken(failed);
    }
    context.log.warn(
      { token: failed.token!.from },
      'The Hub does not accept this token; public models are available without it',
    );
    return result;
  }

  private async follow(
    start: string,
    subject: Subject,
    context: SourceContext,
    headers: Record<string, string>,
    token: Token | undefined,
  ): Promise<HubResponse> {
    let url = start;
    for (let hop = 0; hop <= maxRedirects; hop++) {
      const response = await this.send(url, subject, context, { ...headers, ...authorization(token) });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, url, token };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== new URL(this.endpoint).origin) return { response, url, token, redirectedTo: next.href };
      url = next.href;
    }
    throw unreachable(`${this.endpoint} redirects in a loop for ${shown(subject)}.`);
  }

  private async send(
    url: string,
    subject: Subject,
    { signal, fetch }: SourceContext,
    headers: Record<string, string>,
  ): Promise<Response> {
    const timeout = AbortSignal.timeout(responseTimeoutMs);
    try {
      return await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.any([signal, timeout]) });
    } catch (error) {
      if (LaminaError.is(error)) throw error;
      throw signal.aborted
        ? new LaminaError('ABORTED', {}, { cause: error })
        : failure(this.endpoint, shown(subject), timeout.aborted, error);
    }
  }

  private atEndpoint(url: string): string {
    if (url.startsWith(`${this.endpoint}/`)) return url;
    const { pathname, search } = new URL(url);
    return `${this.endpoint}${pathname.slice(Math.max(0, pathname.indexOf('/api/')))}${search}`;
  }
}

/** The headers for the origin of the Hub. */
export function authorization(token: Token | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token.value}` };
}

function failure(endpoint: string, what: string, isTimeout: boolean, error: unknown): LaminaError {
  const reason = isTimeout ? `no response within ${responseTimeoutMs / 1000} s` : networkReasonOf(error);
  return unreachable(
    `${endpoint} cannot be reached for ${what}: ${reason}. Check the connection, or set HF_ENDPOINT to a mirror.`,
    {},
    error,
  );
}
