// Downloads one file in pieces over several connections, with retries, until all of it is in its part file.
import type { DownloadLimits } from '../../contract/config.js';
import type { Clock } from '../../contract/context.js';
import { LaminaError } from '../../contract/errors.js';
import type { AddressGuard, Location } from '../../contract/source.js';
import { abortable, withTimeout } from '../../kernel/abort.js';
import type { Semaphore } from '../../kernel/semaphore.js';
import type { Space } from '../space.js';
import type { HttpClient, HttpResponse } from './http.js';
import type { PartFile } from './part-file.js';
import { nextRange, slowPiece, type Piece } from './pieces.js';
import { ResolvedUrl } from './resolved-url.js';
import { isSameVersion, readResponse, validatorOf, type FileVersion, type ResponseContent } from './response.js';
import { backoffMs, toTransferError, transferError, TransferError } from './transfer-error.js';

const slowCheckMs = 500;
const locateTimeoutMs = 60_000;
/** A connection that breaks after so many bytes is replaced without a pause. */
const noPauseBytes = 1024 * 1024;

/** What all transfers share. */
export interface TransferTools {
  readonly http: HttpClient;
  /** Limits the connections of all downloads. */
  readonly connections: Semaphore;
  readonly space: Space;
  readonly clock: Clock;
  readonly limits: DownloadLimits;
}

/** The file to transfer. */
export interface TransferFile {
  /** Its path, for messages. */
  readonly path: string;
  /** The directory of the part file, for messages. */
  readonly directory: string;
  readonly part: PartFile;
  /** The size in the plan, if it has one. */
  readonly bytes: number | undefined;
  /** The version that the bytes in the part file belong to. */
  readonly version: FileVersion;
  /** Its SHA-256 is known and checked later: pieces may be combined although the server sends no validator. */
  readonly hasDigest: boolean;
  readonly guard: AddressGuard | undefined;
  locate(signal: AbortSignal): Promise<Location>;
  /** Called after each write. */
  onWritten(bytes: number, version: FileVersion): void;
  /**
   * Called before the part file is emptied. The transfer waits until the journal says so: a crash must not leave a
   * journal that claims bytes which are gone.
   */
  onDiscard(): Promise<void>;
}

/** The transfer of one file. `run` can be called once. */
export class FileTransfer {
  private readonly pieces = new Map<Piece, Promise<void>>();
  private readonly startedAt: number;
  private version: FileVersion;
  /** Unknown before the first response. */
  private supportsRanges: boolean | undefined;
  private maxConnections: number;
  private received = 0;
  private restarts = 0;
  private restartReason: TransferError | undefined;
  /** Failures in a row without a byte in between. */
  private failures = 0;
  private failedAt = -Infinity;
  private pausedUntil = 0;
  private error: TransferError | undefined;
  private wake: () => void = () => undefined;

  constructor(
    private readonly file: TransferFile,
    private readonly tools: TransferTools,
  ) {
    this.version = file.version;
    this.startedAt = tools.clock.now();
    this.maxConnections = tools.limits.connectionsPerFile;
  }

  /**
   * Resolves with the size of the file once all of it is written.
   * @throws LaminaError `SOURCE_UNREACHABLE`, `SOURCE_DENIED`, `DISK_FULL`, `FORBIDDEN`, `CONFLICT`; the signal's
   * reason
   */
  async run(signal: AbortSignal): Promise<number> {
    const { part, path, directory } = this.file;
    const url = new ResolvedUrl(() => this.locate(signal), this.tools.clock);
    const onAbort = () => this.wake();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      if (part.written.bytes > 0 && !this.isResumable) await this.discardWritten();
      while (!this.isComplete()) {
        signal.throwIfAborted();
        if (this.error !== undefined) throw this.error;
        if (this.restartReason !== undefined && this.pieces.size === 0) await this.restart(this.restartReason);
        this.requestPieces(url, signal);
        await this.nextChange();
      }
      await part.truncate(this.version.bytes!);
      return this.version.bytes!;
    } catch (error) {
      throw signal.aborted ? signal.reason : toTransferError(error, path, url.host, directory).reported;
    } finally {
      signal.removeEventListener('abort', onAbort);
      for (const { abort } of this.pieces.keys()) abort.abort();
      await Promise.all(this.pieces.values());
    }
  }

  /** Whether bytes of different responses may be combined, also by a later transfer. */
  get isResumable(): boolean {
    return this.supportsRanges !== false && (this.file.hasDigest || validatorOf(this.version) !== undefined);
  }

  private isComplete(): boolean {
    return this.pieces.size === 0 && this.file.part.written.prefix === this.version.bytes && !this.restartReason;
  }

  /** Several connections are used once the server has shown that it supports ranges and knows the size. */
  private get isSplittable(): boolean {
    return this.supportsRanges === true && this.isResumable && this.version.bytes !== undefined;
  }

  private requestPieces(url: ResolvedUrl, signal: AbortSignal): void {
    if (this.restartReason !== undefined || this.tools.clock.now() < this.pausedUntil) return;
    const limit = this.isSplittable ? this.maxConnections : 1;
    while (this.pieces.size < limit) {
      const piece = this.nextPiece();
      if (piece === undefined) return;
      this.pieces.set(piece, this.download(piece, url, signal));
    }
  }

  private nextPiece(): Piece | undefined {
    const running = [...this.pieces.keys()];
    const range = nextRange(this.file.part.written, this.version.bytes, running);
    if (range !== undefined) return newPiece(...range, false);
    const now = this.tools.clock.now();
    const averageSpeed = this.received / Math.max(now - this.startedAt, 1) / Math.max(running.length, 1);
    const slow = slowPiece(running, averageSpeed, now);
    if (slow === undefined || !this.isSplittable) return undefined;
    const { position, to } = slow;
    slow.to = position;
    slow.abort.abort(transferError('retry', 'A second request has replaced this one.'));
    return newPiece(position, to, true);
  }

  /** Resolves when a request was answered or has ended, when a pause is over, or when slow requests can be checked. */
  private nextChange(): Promise<void> {
    const { clock } = this.tools;
    const pause = this.pausedUntil - clock.now();
    return new Promise((resolve) => {
      const cancel = clock.after(pause > 0 ? pause : slowCheckMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Never rejects: failures decide about the next requests. */
  private async download(piece: Piece, url: ResolvedUrl, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, piece.abort.signal]);
    try {
      const release = await this.tools.connections.acquire(either);
      piece.startedAt = this.tools.clock.now();
      await this.request(piece, url, either).finally(release);
    } catch (error) {
      const { path, directory } = this.file;
      if (!signal.aborted) this.handleFailure(piece, toTransferError(error, path, url.host, directory));
    } finally {
      this.pieces.delete(piece);
      this.wake();
    }
  }

  private async request(piece: Piece, url: ResolvedUrl, signal: AbortSignal): Promise<void> {
    const location = await abortable(url.get(), signal);
    const { guard, hasDigest, part } = this.file;
    const stallTimeoutMs = Math.ceil(this.tools.limits.stallTimeout * 1000);
    const validator = hasDigest || part.written.bytes === 0 ? undefined : validatorOf(this.version);
    const headers = {
      range: `bytes=${piece.from}-${this.isResumable ? piece.to - 1 : ''}`,
      ...(validator === undefined ? {} : { 'if-range': validator }),
    };
    const response = await this.tools.http.get(location, { signal, guard, headers, stallTimeoutMs });
    try {
      const content = this.readResponse(response, url, location, piece);
      this.onResponse(content, piece, url.host);
      const end = content.kind === 'range' ? content.to : (this.version.bytes ?? Infinity);
      if (content.kind !== 'end') await this.receive(response.body, piece, end, url.host);
    } finally {
      response.body.destroy();
    }
  }

  private readResponse(response: HttpResponse, url: ResolvedUrl, location: Location, piece: Piece): ResponseContent {
    url.onResponse(location, response.url);
    try {
      const content = readResponse(response, piece.from, this.file.path);
      url.onSuccess(location, response.url);
      return content;
    } catch (error) {
      if (!(error instanceof TransferError) || error.policy !== 'relocate') throw error;
      throw new TransferError(url.onRefused(location) ? 'retry' : 'give-up', error.reported);
    }
  }

  /** Checks that the response fits to what is known of the file, and adapts the piece to what it contains. */
  private onResponse(content: ResponseContent, piece: Piece, host: string): void {
    if (content.kind === 'end') this.onEnd(content.total, host);
    else if (content.kind === 'whole') this.onWholeFile(content.version, piece, host);
    else this.onRange(content, piece, host);
  }

  private onRange({ to, version }: ResponseContent & { kind: 'range' }, piece: Piece, host: string): void {
    const { path, hasDigest } = this.file;
    const isSame = hasDigest
      ? isSameVersion(sizeOnly(this.version), sizeOnly(version))
      : isSameVersion(this.version, version);
    if (!isSame) throw transferError('restart', `${path} changed on the server during the download.`);
    this.version = { ...version, ...this.version };
    if (!this.isResumable && to !== this.version.bytes) {
      const message = `${host} sends ${path} in parts without an ETag or Last-Modified, so they cannot be combined safely. Give its SHA-256, or use another URL.`;
      throw transferError('give-up', message);
    }
    this.supportsRanges = true;
    piece.to = this.isResumable ? Math.min(piece.to, to) : to;
    this.wake();
  }

  private onWholeFile(version: FileVersion, piece: Piece, host: string): void {
    const { path, part, bytes } = this.file;
    if (!isSameVersion(sizeOnly({ bytes }), sizeOnly(version))) {
      const message = `${path} has ${version.bytes} bytes on the server, but ${bytes} were announced. Cancel the download and start it again.`;
      throw transferError('give-up', message);
    }
    const isFirst = part.written.bytes === 0 && piece.from === 0 && this.pieces.size === 1;
    if (!isFirst || !isSameVersion(sizeOnly(this.version), sizeOnly(version)))
      throw transferError('restart', `${host} sends all of ${path} again instead of the rest.`);
    this.supportsRanges = false;
    this.version = { ...sizeOnly(this.version), ...version };
    Object.assign(piece, { from: 0, position: 0, to: this.version.bytes ?? Infinity });
  }

  private onEnd(total: number | undefined, host: string): void {
    const { part, path } = this.file;
    if (total === undefined || total !== part.written.prefix || total !== (this.version.bytes ?? total))
      throw transferError('restart', `${host} says that ${path} ends after ${total ?? 'fewer'} bytes.`);
    this.version = { ...this.version, bytes: total };
  }

  /** Writes the body until the piece or the body ends. A body that ends with its piece leaves its connection reusable. */
  private async receive(body: HttpResponse['body'], piece: Piece, end: number, host: string): Promise<void> {
    const { path, part } = this.file;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const { position } = piece;
      if (position + chunk.length > end)
        throw transferError('restart', `${host} sends more bytes of ${path} than the ${end} it announced.`);
      const bytes = chunk.subarray(0, Math.max(0, piece.to - position));
      if (bytes.length === 0) return;
      piece.position += bytes.length; // Before they are written, so that no other request is sent for them.
      await this.tools.space.use(bytes.length, () => part.write(bytes, position));
      this.failures = 0;
      this.received += bytes.length;
      this.file.onWritten(bytes.length, this.version);
    }
    if (end !== Infinity && piece.position < piece.to)
      throw transferError('retry', `${host} sends fewer bytes of ${path} than it announced.`);
    if (piece.to === Infinity) this.version = { ...this.version, bytes: piece.position };
  }

  /** Decides how the transfer continues after a failed request. */
  private handleFailure(piece: Piece, failure: TransferError): void {
    if (failure.policy === 'give-up') this.error ??= failure;
    if (failure.policy === 'give-up' || this.restartReason !== undefined) return;
    if (failure.policy !== 'restart' && piece.position >= piece.to) return; // All bytes came, or it was replaced.
    const active = [...this.pieces.keys()].filter(({ startedAt }) => startedAt !== undefined).length;
    if (failure.policy === 'slow-down' && active > 1) {
      this.maxConnections = Math.max(1, Math.min(this.maxConnections, active - 1));
      return;
    }
    if (failure.policy === 'restart' || (!this.isResumable && this.file.part.written.bytes > 0)) {
      this.restartReason = failure;
      for (const { abort } of this.pieces.keys()) abort.abort();
    }
    this.countFailure(piece, failure);
  }

  private countFailure({ position, from, startedAt = 0 }: Piece, failure: TransferError): void {
    const { limits, clock } = this.tools;
    const now = clock.now();
    // Requests that were sent before the last failure fail for the same reason: they count once.
    if (position === from && startedAt >= this.failedAt) {
      this.failures += 1;
      this.failedAt = now;
    }
    if (this.failures > limits.maxRetries) this.error ??= failure;
    if (failure.policy === 'retry' && position - from >= noPauseBytes) return;
    const pause = failure.retryAfterMs ?? backoffMs(Math.max(1, this.failures), limits.retryDelay * 1000);
    this.pausedUntil = Math.max(this.pausedUntil, now + pause);
  }

  private async restart({ message }: TransferError): Promise<void> {
    this.restarts += 1;
    if (this.restarts > this.tools.limits.maxRetries) {
      const times = `${message} This happened ${this.restarts} times.`;
      throw transferError('give-up', `${times} Try again later, or use another URL.`);
    }
    this.supportsRanges = undefined;
    this.version = sizeOnly(this.file);
    await this.discardWritten();
    this.restartReason = undefined;
  }

  private async discardWritten(): Promise<void> {
    const { part } = this.file;
    part.written.clear();
    await this.file.onDiscard();
    await part.truncate(0);
  }

  private locate(signal: AbortSignal): Promise<Location> {
    const message = `The source did not return a URL for ${this.file.path} within ${locateTimeoutMs / 1000} s.`;
    const timeoutError = () => new LaminaError('TIMEOUT', { message });
    return withTimeout(signal, locateTimeoutMs, timeoutError, (limited) => this.file.locate(limited));
  }
}

function newPiece(from: number, to: number, isSecondRequest: boolean): Piece {
  return { from, to, position: from, isSecondRequest, abort: new AbortController() };
}

/** The part of a version that still matters when the SHA-256 of the file is checked. */
function sizeOnly({ bytes }: { readonly bytes?: number | undefined }): FileVersion {
  return bytes === undefined ? {} : { bytes };
}
