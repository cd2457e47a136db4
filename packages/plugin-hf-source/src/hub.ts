// The Hub's HTTP: who is asked, with which token, which redirects are followed, and what an answer that is no answer
// means.
import { LaminaError, type SourceContext } from '@lamina/core/plugin';
import { badToken, isBadToken, refusal, unreachable, type Asked } from './errors.js';
import type { Settings, Token } from './settings.js';

const answerLimitMs = 30_000;
const mostRedirects = 5;

/** Which model an exchange is about, for the sentence of its error. */
export type Subject = Pick<Asked, 'repo' | 'revision' | 'path'>;

/** An answer of the Hub, or the place elsewhere that it sent us to. */
export interface Answer {
  readonly response: Response;
  /** The address that gave the answer. */
  readonly url: string;
  /** The token that was sent with it. */
  readonly token: Token | undefined;
  /** Set when the Hub's answer is a redirect to another origin. */
  readonly elsewhere?: string;
}

/** The Hub, or a mirror of it. The token goes to its origin and nowhere else. */
export class Hub {
  readonly endpoint: string;

  constructor(private readonly settings: Settings) {
    this.endpoint = settings.endpoint;
  }

  /**
   * A fetch for listings: it asks only this endpoint, whatever host a link to the next page names, and throws what a
   * refusal means.
   */
  listing(subject: Subject, context: SourceContext): typeof globalThis.fetch {
    const seen = new Set<string>();
    return async (input) => {
      const url = this.own(input instanceof Request ? input.url : String(input));
      if (seen.has(url))
        throw unreachable(`${this.endpoint} answers the list of files of ${subject.repo} in a circle.`);
      seen.add(url);
      const { response, elsewhere } = await this.ask(url, subject, context);
      if (elsewhere !== undefined)
        throw unreachable(
          `${this.endpoint} sends to ${new URL(elsewhere).host} instead of answering. Log in to the network you are on, or set HF_ENDPOINT to the address of the Hub.`,
        );
      return response;
    };
  }

  /**
   * GET, following redirects within the origin. The time limit is for the headers and, of listings, for the body.
   * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `MODEL_NOT_FOUND`
   */
  async ask(
    url: string,
    subject: Subject,
    context: SourceContext,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    if (this.settings.offline)
      throw unreachable(
        `HF_HUB_OFFLINE is set, so the Hub is not asked for ${subject.repo}. Take it away to download.`,
      );
    const token = await this.settings.token();
    const answer = await this.follow(url, subject, context, headers, token);
    if (answer.response.status < 400) return answer;
    const asked = { ...subject, endpoint: this.endpoint, token };
    if (
      token === undefined ||
      !isBadToken(
        answer.response.status,
        answer.response.headers.get('x-error-message') ?? (await answer.response.clone().text()),
      )
    )
      throw await refusal(answer.response, asked);
    return this.withoutToken(url, asked, context, headers);
  }

  /** A token that is wrong is no reason not to give what everybody may have. */
  private async withoutToken(
    url: string,
    asked: Asked,
    context: SourceContext,
    headers: Record<string, string>,
  ): Promise<Answer> {
    const answer = await this.follow(url, asked, context, headers, undefined);
    if (answer.response.status >= 400) {
      await answer.response.body?.cancel();
      throw badToken(asked);
    }
    context.log.warn(
      { token: asked.token!.from },
      'The Hub does not accept this token; what is public is downloaded without it',
    );
    return answer;
  }

  private async follow(
    start: string,
    subject: Subject,
    context: SourceContext,
    headers: Record<string, string>,
    token: Token | undefined,
  ): Promise<Answer> {
    let url = start;
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const response = await this.send(url, subject, context, { ...headers, ...authorization(token) });
      const location = response.headers.get('location');
      if (response.status < 300 || response.status >= 400 || location === null) return { response, url, token };
      await response.body?.cancel();
      const next = new URL(location, url);
      if (next.origin !== new URL(this.endpoint).origin) return { response, url, token, elsewhere: next.href };
      url = next.href;
    }
    throw unreachable(`${this.endpoint} redirects in a circle when it is asked for ${subject.repo}.`);
  }

  private async send(
    url: string,
    { repo }: Subject,
    { signal, fetch }: SourceContext,
    headers: Record<string, string>,
  ): Promise<Response> {
    const limit = AbortSignal.timeout(answerLimitMs);
    try {
      return await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.any([signal, limit]) });
    } catch (error) {
      if (LaminaError.is(error)) throw error;
      throw signal.aborted
        ? new LaminaError('ABORTED', {}, { cause: error })
        : failure(this.endpoint, repo, limit.aborted, error);
    }
  }

  private own(url: string): string {
    if (url.startsWith(`${this.endpoint}/`)) return url;
    const { pathname, search } = new URL(url);
    return `${this.endpoint}${pathname.slice(Math.max(0, pathname.indexOf('/api/')))}${search}`;
  }
}

/** What the Hub's own origin is shown. */
export function authorization(token: Token | undefined): Record<string, string> {
  return token === undefined ? {} : { authorization: `Bearer ${token.value}` };
}

function failure(endpoint: string, repo: string, late: boolean, error: unknown): LaminaError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const why = late
    ? `it gave no answer within ${answerLimitMs / 1000} s`
    : (cause?.code ?? cause?.message ?? (error as Error).message);
  return unreachable(
    `${endpoint} cannot be reached for ${repo}: ${why}. Check the connection, or set HF_ENDPOINT to a mirror.`,
    {},
    error,
  );
}
