// Fetches one file: several connections, each a piece at a time, until every byte is in the part file.
import type { DownloadLimits } from '../../contract/config.js';
import type { Clock } from '../../contract/context.js';
import type { AddressGuard, Location } from '../../contract/source.js';
import { readAnswer, sameVersion, validatorOf, type Brought, type Version } from './answer.js';
import { Fault, fault, faultOf } from './fault.js';
import type { Answer, HttpClient } from './http.js';
import { Located } from './located.js';
import type { PartFile } from './part-file.js';
import type { Permits } from './permits.js';
import type { Space } from '../space.js';
import { nextPiece, share, type Piece } from './pieces.js';
import { Plenty, type Arrival } from './plenty.js';
import { receive, whileBytesCome } from './receive.js';
import { backoffMs } from './retry.js';
import { waitFor } from './wait.js';

/** An idle connection looks so often whether another has become slow. */
const lookMs = 500;
/** A connection that broke after so many bytes may be opened anew at once. */
const muchBytes = 1024 * 1024;

/** What files are fetched with. */
export interface TransferTools {
  readonly http: HttpClient;
  readonly permits: Permits;
  readonly space: Space;
  readonly clock: Clock;
  readonly limits: DownloadLimits;
}

/** What is fetched. */
export interface TransferSubject {
  /** For messages. */
  readonly file: string;
  readonly directory: string;
  readonly part: PartFile;
  /** The size its plan says; missing when the plan does not. */
  readonly bytes: number | undefined;
  /** What is known of it from before. */
  readonly version: Version;
  /** Its SHA-256 will be checked, so that bytes may be put together whatever the server says of versions. */
  readonly checked: boolean;
  readonly guard: AddressGuard | undefined;
  locate(signal: AbortSignal): Promise<Location>;
  /** Bytes came. */
  arrived(bytes: number, version: Version): void;
  /** What is here is about to be thrown away; resolves when nothing on disk says that it is there. */
  forget(): Promise<void>;
}

interface Running {
  readonly abort: (reason: Error) => void;
  readonly ended: Promise<void>;
}

/** One file on its way. */
export class FileTransfer {
  private readonly running = new Map<Piece, Running>();
  private readonly connections = new Set<Promise<void>>();
  private oneEnded: () => void = () => undefined;
  private readonly located: Located;
  private readonly startedAt: number;
  private version: Version;
  /** The server gives ranges of it; `undefined` while that is not known. */
  private ranged: boolean | undefined;
  private restarting = false;
  private restarts = 0;
  private failures = 0;
  private failedAt = -Infinity;
  private pauseUntil = 0;
  private mostConnections: number;
  private received = 0;
  private readonly plenty: Plenty;

  constructor(
    private readonly subject: TransferSubject,
    private readonly tools: TransferTools,
  ) {
    this.version = subject.version;
    this.startedAt = tools.clock.now();
    this.mostConnections = tools.limits.connectionsPerFile;
    this.located = new Located(subject.locate, tools.clock);
    this.plenty = new Plenty(tools.clock);
  }

  /**
   * Resolves with the size of the file once all of it is written.
   * @throws LaminaError `SOURCE_UNREACHABLE`, `SOURCE_DENIED`, `DISK_FULL`, `FORBIDDEN`, `CONFLICT`; the signal's
   * reason
   */
  async run(signal: AbortSignal): Promise<number> {
    const { part, directory } = this.subject;
    const controller = new AbortController();
    const passOn = () => controller.abort(signal.reason);
    signal.addEventListener('abort', passOn, { once: true });
    try {
      signal.throwIfAborted();
      if (part.written.bytes > 0 && !this.mayContinue()) await this.empty();
      while (!this.isWhole()) {
        if (this.connections.size === 0) this.open(controller);
        await new Promise<void>((resolve) => (this.oneEnded = resolve));
        controller.signal.throwIfAborted();
      }
      await part.trim(this.version.bytes!);
      return this.version.bytes!;
    } catch (error) {
      throw signal.aborted ? signal.reason : faultOf(error, 'The source', directory).error;
    } finally {
      controller.abort(fault('again', 'The transfer has ended.'));
      signal.removeEventListener('abort', passOn);
      await Promise.all(this.connections);
    }
  }

  /** Whether what is here is of any use to a later transfer. */
  get isResumable(): boolean {
    return this.mayContinue() && this.ranged !== false;
  }

  private open(controller: AbortController): void {
    const spread = () => {
      const wanted = this.mayShare() ? this.mostConnections : 1;
      while (this.connections.size < wanted) this.open(controller);
    };
    const connection: Promise<void> = this.connect(controller.signal, spread)
      .catch((error: unknown) => controller.abort(error))
      .finally(() => {
        this.connections.delete(connection);
        this.oneEnded();
      });
    this.connections.add(connection);
  }

  private isWhole(): boolean {
    return (
      !this.restarting && this.version.bytes !== undefined && this.subject.part.written.prefix === this.version.bytes
    );
  }

  /** Whether bytes of two answers may be put together. */
  private mayContinue(): boolean {
    return this.subject.checked || validatorOf(this.version) !== undefined;
  }

  /**
   * Whether several connections may fetch it: of a file of unknown size nobody knows where its end is to be fetched.
   */
  private mayShare(): boolean {
    return this.ranged === true && this.mayContinue() && this.version.bytes !== undefined;
  }

  /** One connection's life: a piece after the other while there are any. */
  private async connect(signal: AbortSignal, spread: () => void): Promise<void> {
    for (;;) {
      await this.pause(signal);
      const release = await this.tools.permits.acquire(signal);
      let piece: Piece | undefined;
      try {
        if (this.isWhole()) return;
        piece = this.take();
        if (piece !== undefined && (await this.fetch(piece, signal, spread)) === 'leave') return;
      } finally {
        release();
      }
      if (piece === undefined) await waitFor(this.tools.clock, lookMs, signal);
    }
  }

  private take(): Piece | undefined {
    const alone = !this.mayShare();
    if (this.restarting || (this.running.size > 0 && (alone || this.plenty.holds))) return undefined;
    const now = this.tools.clock.now();
    const active = new Set(this.running.keys());
    const usual = this.received / Math.max(now - this.startedAt, 1) / Math.max(active.size, 1);
    const piece =
      nextPiece(this.subject.part.written, this.version.bytes, active, now) ??
      (alone ? undefined : share(active, usual, now));
    for (const [other, { abort }] of this.running)
      if (other.to <= other.position) abort(fault('again', 'Another connection has taken over.'));
    return piece;
  }

  private async fetch(piece: Piece, signal: AbortSignal, spread: () => void): Promise<'leave' | undefined> {
    const { clock, limits } = this.tools;
    let lastAt = clock.now();
    let brought = 0;
    let ended: () => void = () => undefined;
    const whenEnded = new Promise<void>((resolve) => (ended = resolve));
    const arrived = (arrival: Arrival) => {
      const { bytes } = arrival;
      lastAt = clock.now();
      brought += bytes;
      this.failures = 0;
      this.received += bytes;
      this.plenty.add(arrival);
      this.subject.arrived(bytes, this.version);
    };
    const stalled = `No bytes of ${this.subject.file} came for ${limits.stallTimeout} s. The download can be resumed.`;
    try {
      await whileBytesCome(
        clock,
        limits.stallTimeout * 1000,
        () => lastAt,
        signal,
        stalled,
        (watched, abort) => {
          this.running.set(piece, { abort, ended: whenEnded });
          return this.ask(piece, watched, arrived, spread);
        },
      );
      return undefined;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      return await this.suffer(faultOf(error, this.located.host, this.subject.directory), brought, piece);
    } finally {
      this.running.delete(piece);
      ended();
    }
  }

  private async ask(
    piece: Piece,
    signal: AbortSignal,
    arrived: (arrival: Arrival) => void,
    spread: () => void,
  ): Promise<void> {
    const location = await this.located.get(signal);
    const validator =
      this.subject.checked || this.subject.part.written.bytes === 0 ? undefined : validatorOf(this.version);
    const range = `bytes=${piece.from}-${this.mayContinue() ? piece.to - 1 : ''}`;
    const headers = { range, ...(validator === undefined ? {} : { 'if-range': validator }) };
    const answer = await this.tools.http.get(location, { signal, guard: this.subject.guard, headers });
    try {
      const brought = this.read(answer, location, piece);
      await this.accept(brought, piece, spread);
      if (brought.kind === 'end') return;
      const { clock, space } = this.tools;
      const end = (brought.kind === 'range' ? brought.to : this.version.bytes) ?? Infinity;
      const extent = await receive(answer.body, { piece, part: this.subject.part, space, clock, end, arrived });
      const { file } = this.subject;
      const { host } = this.located;
      if (extent === 'long')
        throw fault('restart', `${host} sends more bytes of ${file} than the ${end} it announced.`);
      if (extent === 'short') throw fault('again', `${host} sends fewer bytes of ${file} than it announced.`);
      // No length was announced: the end is the end.
      if (piece.to === Infinity) this.version = { ...this.version, bytes: piece.position };
    } finally {
      answer.body.close();
    }
  }

  private read(answer: Answer, location: Location, piece: Piece): Brought {
    this.located.answered(location, answer.url);
    try {
      const brought = readAnswer(answer, piece.from, this.subject.file, this.tools.clock.now());
      this.located.worked(location, answer.url);
      return brought;
    } catch (error) {
      if (!(error instanceof Fault) || error.kind !== 'denied') throw error;
      throw new Fault(this.located.refused(location) ? 'again' : 'final', error.error); // A signed address expires.
    }
  }

  /** Settles what an answer means for the file before its body is read. */
  private async accept(brought: Brought, piece: Piece, spread: () => void): Promise<void> {
    if (brought.kind === 'end') this.acceptEnd(brought.total);
    else if (brought.kind === 'whole') await this.acceptWhole(brought.version, piece);
    else this.acceptRange(brought, piece, spread);
  }

  private acceptRange({ to, version }: Extract<Brought, { kind: 'range' }>, piece: Piece, spread: () => void): void {
    const { file } = this.subject;
    if (!this.matches(version)) throw fault('restart', `${file} changed at its source while it was fetched.`);
    this.version = { ...version, ...this.version };
    if (!this.mayContinue() && to !== this.version.bytes)
      throw fault(
        'final',
        `${this.located.host} gives ${file} in parts without saying whether they belong together. Give its SHA-256, or use another address.`,
      );
    this.ranged = true;
    piece.to = this.mayContinue() ? Math.min(piece.to, to) : to;
    spread();
  }

  private async acceptWhole(version: Version, piece: Piece): Promise<void> {
    const { file, part } = this.subject;
    const contradicts = () => !sameVersion(pick(this.version), pick(version));
    const isFirst = part.written.bytes === 0 && piece.from === 0 && this.running.size <= 1;
    if (!isFirst || contradicts())
      await this.startOver(`${this.located.host} sends all of ${file} again instead of the rest.`, piece);
    if (contradicts()) {
      const announced = `${file} has ${version.bytes} bytes at its source, and ${this.version.bytes} were announced`;
      throw fault('final', `${announced}. Cancel the download and start it again.`);
    }
    this.ranged = false;
    this.version = { ...pick(this.version), ...version };
    Object.assign(piece, { from: 0, position: 0, to: this.version.bytes ?? Infinity });
  }

  private acceptEnd(total: number | undefined): void {
    const { part, file } = this.subject;
    const { prefix } = part.written;
    if (total === undefined || total !== prefix || total !== (this.version.bytes ?? total))
      throw fault('restart', `${this.located.host} says that ${file} ends after ${total ?? 'fewer'} bytes.`);
    this.version = { ...this.version, bytes: total };
  }

  private matches(version: Version): boolean {
    return this.subject.checked
      ? sameVersion({ ...pick(this.version) }, pick(version))
      : sameVersion(this.version, version);
  }

  /** Throws away what is here, once nobody writes to it any more; `own` is the piece whose answer brings it anew. */
  private async startOver(why: string, own: Piece): Promise<void> {
    if (this.restarting) throw fault('again', why);
    this.restarts += 1;
    if (this.restarts > this.tools.limits.attempts)
      throw fault('final', `${why} That happened ${this.restarts} times. Try again later, or use another address.`);
    this.restarting = true;
    try {
      this.ranged = undefined;
      const others = [...this.running].filter(([piece]) => piece !== own);
      for (const [piece, { abort }] of others) {
        piece.to = piece.position;
        abort(fault('again', why));
      }
      await Promise.all(others.map(([, { ended }]) => ended));
      this.version = pick(this.subject);
      await this.empty();
    } finally {
      this.restarting = false;
    }
  }

  /** In an order in which a kill leaves no record of bytes that are gone. */
  private async empty(): Promise<void> {
    const { part } = this.subject;
    part.written.clear();
    await this.subject.forget();
    await part.trim(0);
  }

  /** Decides how to go on after a failure. @throws Fault when there is no going on */
  private async suffer(failed: Fault, brought: number, piece: Piece): Promise<'leave' | undefined> {
    if (failed.kind === 'final') throw failed;
    // It was taken over, or thrown away.
    if (this.restarting || (failed.kind !== 'restart' && piece.to <= piece.position)) return undefined;
    if (failed.kind === 'busy' && this.running.size > 1) {
      // Others are served: the server wants fewer at once.
      this.mostConnections = Math.max(1, Math.min(this.mostConnections, this.running.size - 1));
      return 'leave';
    }
    const free = (failed.kind === 'stall' && brought > 0) || (failed.kind === 'again' && brought >= muchBytes);
    if (!free) this.countFailure(failed, brought, piece);
    if (failed.kind === 'restart' || !this.mayContinue()) await this.startOver(failed.error.message, piece);
    return undefined;
  }

  /** Connections that fail together fail once; one that brought something only gives cause to pause. */
  private countFailure(failed: Fault, brought: number, piece: Piece): void {
    const { limits, clock } = this.tools;
    const now = clock.now();
    if (brought === 0 && piece.startedAt >= this.failedAt) {
      this.failures += 1;
      this.failedAt = now;
    }
    if (this.failures >= limits.attempts) throw new Fault('final', failed.error);
    this.pauseUntil = Math.max(
      this.pauseUntil,
      now + (failed.afterMs ?? backoffMs(Math.max(1, this.failures), limits.retryDelay * 1000)),
    );
  }

  private async pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.tools;
    for (let left = this.pauseUntil - clock.now(); left > 0; left = this.pauseUntil - clock.now())
      await waitFor(clock, left, signal);
  }
}

/** Of a version that a SHA-256 will tell, only the size matters. */
function pick({ bytes }: { readonly bytes?: number | undefined }): Version {
  return bytes === undefined ? {} : { bytes };
}
