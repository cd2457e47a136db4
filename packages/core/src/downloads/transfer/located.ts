// Where a file is fetched from just now: asked of its source, then wherever redirects led, until that is good no
// longer.
import type { Clock } from '../../contract/context.js';
import type { Location } from '../../contract/source.js';

/** An address that ends this soon is not used any more. */
const marginMs = 5_000;

/** The present address of one file. */
export class Located {
  private present: Location | undefined;
  private asking: Promise<Location> | undefined;
  private moved = false;
  private good = false;

  constructor(
    private readonly locate: (signal: AbortSignal) => Promise<Location>,
    private readonly clock: Clock,
  ) {}

  /** For messages. */
  get host(): string {
    return this.present === undefined ? 'The source' : new URL(this.present.url).host;
  }

  /** The address to ask now. Several connections that find none share one question. */
  async get(signal: AbortSignal): Promise<Location> {
    const { expiresAt } = this.present ?? {};
    if (this.present !== undefined && (expiresAt === undefined || expiresAt - this.clock.now() > marginMs))
      return this.present;
    this.asking ??= this.locate(signal).finally(() => (this.asking = undefined));
    this.present = await this.asking;
    this.moved = false;
    this.good = false;
    return this.present;
  }

  /** An address answered, whatever it said, from `url` in the end. */
  answered(asked: Location, url: string): void {
    if (this.present === asked) this.moved ||= url !== asked.url;
  }

  /**
   * An address gave the file, from `url` in the end: later requests go there at once. Credentials stay behind when that
   * is another origin.
   */
  worked(asked: Location, url: string): void {
    if (this.present !== asked) return;
    const { headers, ...rest } = asked;
    const same = new URL(url).origin === new URL(asked.url).origin;
    this.good = true;
    this.present = { ...rest, url, ...(same && headers !== undefined ? { headers } : {}) };
  }

  /** An address was refused. False when it never was good and no redirect led there, so that asking again is no use. */
  refused(asked: Location): boolean {
    if (this.present !== asked) return true; // Another connection has a newer one.
    this.present = undefined;
    return this.good || this.moved;
  }
}
