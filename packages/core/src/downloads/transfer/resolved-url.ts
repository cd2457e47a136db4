// The URL that a file is downloaded from: resolved by its source, and again when it expires or is refused.
import type { Clock } from '../../contract/context.js';
import type { Location } from '../../contract/source.js';

/** A URL that expires within this time is not used any more. */
const expiryMarginMs = 5_000;

/** The current URL of one file. */
export class ResolvedUrl {
  private current: Location | undefined;
  private pending: Promise<Location> | undefined;
  private redirected = false;
  private succeeded = false;

  constructor(
    private readonly locate: () => Promise<Location>,
    private readonly clock: Clock,
  ) {}

  /** For messages. */
  get host(): string {
    return this.current === undefined ? 'the source' : new URL(this.current.url).host;
  }

  /** The URL to request. Concurrent callers share one call to the source. */
  async get(): Promise<Location> {
    const { expiresAt } = this.current ?? {};
    if (
      this.current !== undefined &&
      (expiresAt === undefined || expiresAt - this.clock.date().getTime() > expiryMarginMs)
    )
      return this.current;
    this.pending ??= this.locate().finally(() => (this.pending = undefined));
    this.current = await this.pending;
    this.redirected = false;
    this.succeeded = false;
    return this.current;
  }

  /** Call it for every response, with the URL after redirects. */
  onResponse(requested: Location, url: string): void {
    if (this.current === requested) this.redirected ||= url !== requested.url;
  }

  /**
   * Call it for a response with the file: later requests go to the URL after redirects. Headers with credentials are
   * dropped when that is another origin.
   */
  onSuccess(requested: Location, url: string): void {
    if (this.current !== requested) return;
    const { headers, ...rest } = requested;
    const isSameOrigin = new URL(url).origin === new URL(requested.url).origin;
    this.succeeded = true;
    this.current = { ...rest, url, ...(isSameOrigin && headers !== undefined ? { headers } : {}) };
  }

  /**
   * Call it when the URL was refused. True when another request makes sense: a signed URL may have expired. False when
   * the URL came straight from the source and never worked.
   */
  onRefused(requested: Location): boolean {
    if (this.current !== requested) return true; // Another request has a newer URL.
    this.current = undefined;
    return this.succeeded || this.redirected;
  }
}
