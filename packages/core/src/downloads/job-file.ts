// One file of a download, from wherever it is to a part that holds the right bytes.
import { rename, rm, truncate } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import type { DownloadFile } from '../contract/downloads.js';
import type { AddressGuard, Location, PlanFile } from '../contract/source.js';
import { abortable } from '../kernel/abort.js';
import { contentProblem, headOf } from './content.js';
import type { FileRecord } from './journal.js';
import type { KnownFiles } from './known-files.js';
import { sizeOf, takeLocal } from './take-local.js';
import { FileTransfer, type TransferTools } from './transfer/file-transfer.js';
import type { GrowingHash, Hasher } from './transfer/hash.js';
import { PartFile } from './transfer/part-file.js';

/** What files are obtained with. */
export interface FileTools extends TransferTools {
  readonly hasher: Hasher;
  readonly known: KnownFiles;
}

/** What a file belongs to. */
export interface FilePlace {
  /** The download's own folder. */
  readonly folder: string;
  /** The part's name in it. */
  readonly part: string;
  /** Where it goes in the end. */
  readonly target: string;
  readonly guard: AddressGuard | undefined;
  locate(file: PlanFile, signal: AbortSignal): Promise<Location>;
  /** Bytes came in. */
  arrived(bytes: number): void;
  /** Brings the journal up to date. */
  save(): Promise<void>;
}

/** One file of a download. */
export class JobFile {
  private state: DownloadFile['state'] = 'waiting';
  private open: PartFile | undefined;
  private most = 0;
  private isResumable = true;
  private here: number;

  constructor(
    readonly plan: PlanFile,
    readonly record: FileRecord,
    readonly place: FilePlace,
    private readonly tools: FileTools,
  ) {
    this.here = record.held.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  /** Where its bytes are while it is not placed. */
  get path(): string {
    return this.inPlace ? this.place.target : join(this.place.folder, this.place.part);
  }

  get inPlace(): boolean {
    return 'file' in this.plan.from && this.plan.from.mode === 'in-place';
  }

  get total(): number | undefined {
    return this.record.version.bytes ?? this.plan.bytes;
  }

  /** Bytes that have to be written yet. */
  get missing(): number {
    return this.inPlace || this.record.sha256 !== undefined ? 0 : Math.max(0, (this.total ?? 0) - this.here);
  }

  snapshot(): DownloadFile {
    this.most = Math.max(
      this.most,
      this.state === 'waiting' || this.state === 'fetching'
        ? Math.min(this.here, this.total ?? Infinity)
        : (this.total ?? this.here),
    );
    return {
      path: this.plan.path,
      done: Math.min(this.most, this.total ?? Infinity),
      ...(this.total === undefined ? {} : { total: this.total }),
      state: this.state,
    };
  }

  /** Puts into the record what is on disk; when it resolves, what the record says would survive the loss of power. */
  async sync(): Promise<void> {
    const { open } = this;
    if (open === undefined) return;
    const held = await open.sync();
    if (this.open === open) this.record.held = held;
  }

  /**
   * Resolves when the file is here and is the right one. What is here already, in the target or as another model's, is
   * not fetched.
   * @throws LaminaError what a transfer throws, `DIGEST_MISMATCH`; the signal's reason
   */
  async obtain(signal: AbortSignal): Promise<void> {
    if (this.record.sha256 !== undefined && (await this.isHere())) return this.verified(this.record.sha256);
    delete this.record.sha256;
    if (await this.takeKnown(signal)) return;
    this.state = 'fetching';
    const { from } = this.plan;
    if ('key' in from) await this.fetch(signal);
    else await this.takeFrom(from.file, from.mode, signal);
  }

  /** It has its name now. */
  placed(): void {
    this.state = 'placed';
  }

  private async isHere(): Promise<boolean> {
    const size = (await sizeOf(this.path)) ?? (await sizeOf(this.place.target));
    return size !== undefined && size === this.total;
  }

  private async takeKnown(signal: AbortSignal): Promise<boolean> {
    const { sha256 } = this.plan;
    if (sha256 === undefined || this.inPlace) return false;
    const there = await sizeOf(this.place.target);
    const same =
      there !== undefined &&
      (this.plan.bytes ?? there) === there &&
      (await this.hashOf(this.place.target, there, signal)) === sha256;
    const path = same ? this.place.target : await this.tools.known.find(sha256);
    if (path === undefined) return false;
    await takeLocal(path, this.path, 'link', { space: this.tools.space, copied: (bytes) => this.count(bytes), signal });
    this.record.version = { bytes: (await sizeOf(this.path))! };
    this.verified(sha256);
    return true;
  }

  private async takeFrom(file: string, mode: 'copy' | 'link' | 'in-place', signal: AbortSignal): Promise<void> {
    const bytes = await sizeOf(file);
    if (bytes === undefined)
      throw new LaminaError('SOURCE_UNREACHABLE', {
        message: `${file} does not exist, or is no file. Check the reference.`,
      });
    this.record.version = { bytes };
    if (mode !== 'in-place')
      await takeLocal(file, this.path, mode, { space: this.tools.space, copied: (count) => this.count(count), signal });
    if (mode === 'in-place' && this.plan.sha256 === undefined) return this.verified('');
    this.state = 'fetched';
    await this.verify(this.tools.hasher.begin(this.path), bytes, signal);
  }

  private async fetch(signal: AbortSignal): Promise<void> {
    const part = await PartFile.open(this.path, this.record.held);
    let hash = this.tools.hasher.begin(this.path);
    this.open = part;
    this.here = part.written.bytes;
    hash.advance(part.written.prefix);
    const transfer = new FileTransfer(
      {
        file: this.plan.path,
        directory: this.place.folder,
        part,
        bytes: this.plan.bytes,
        version: {
          ...(this.plan.bytes === undefined ? {} : { bytes: this.plan.bytes }),
          ...(part.written.bytes === 0 ? {} : this.record.version),
        },
        checked: this.plan.sha256 !== undefined,
        guard: this.place.guard,
        locate: (asking) => this.place.locate(this.plan, asking),
        arrived: (bytes, version) => {
          this.record.version = version;
          this.count(bytes);
          hash.advance(part.written.prefix);
        },
        forget: () => {
          this.here = 0;
          this.record.version = {};
          hash.drop();
          hash = this.tools.hasher.begin(this.path);
          return this.place.save();
        },
      },
      this.tools,
    );
    try {
      const bytes = await transfer.run(signal);
      this.record.version = { ...this.record.version, bytes };
      this.state = 'fetched';
      await this.verify(hash, bytes, signal);
    } finally {
      this.isResumable = transfer.isResumable;
      hash.drop();
      await this.sync().catch(() => undefined); // What fails here costs bytes, not the download.
      this.open = undefined;
      await part.close();
    }
  }

  private async verify(hash: GrowingHash, bytes: number, signal: AbortSignal): Promise<void> {
    const actual = await abortable(hash.finish(bytes), signal).finally(() => hash.drop());
    const wanted = this.plan.sha256?.toLowerCase();
    const problem = contentProblem(this.plan.path, await headOf(this.path));
    if (wanted !== undefined ? actual !== wanted : problem !== undefined || (this.plan.bytes ?? bytes) !== bytes)
      throw await this.refuse(wanted, actual, problem);
    await this.open?.sync();
    this.verified(actual);
  }

  /** Keeps a wrong file aside, so that a person can look at it and the next try begins anew. */
  private async refuse(wanted: string | undefined, actual: string, problem: string | undefined): Promise<LaminaError> {
    const file = this.plan.path;
    const kept = join(this.place.folder, `${basename(file)}.corrupt`);
    if (!this.inPlace) await rename(this.path, kept);
    this.record.held = [];
    this.record.version = {};
    this.open = undefined;
    this.here = 0;
    const where = this.inPlace ? {} : { kept };
    if (wanted !== undefined) return new LaminaError('DIGEST_MISMATCH', { file, actual, wanted, ...where });
    const message = `${file} ${problem ?? 'has not the size that was announced'}, so it is not used. Check the reference.`;
    return new LaminaError('SOURCE_UNREACHABLE', { message, file, ...where });
  }

  private async hashOf(path: string, bytes: number, signal: AbortSignal): Promise<string> {
    const hash = this.tools.hasher.begin(path);
    return abortable(hash.finish(bytes), signal).finally(() => hash.drop());
  }

  /** Whether another file has the same bytes as this one. */
  async isSame(path: string): Promise<boolean> {
    const bytes = await sizeOf(path);
    return (
      bytes !== undefined &&
      bytes === this.total &&
      (await this.hashOf(path, bytes, new AbortController().signal)) === this.record.sha256
    );
  }

  /** After a failure: deletes what a later transfer could not go on with, so that its bytes are free again. */
  async dropUseless(): Promise<void> {
    if (this.isResumable || this.record.sha256 !== undefined) return;
    // The thread that hashes may have it open still, and a deleted file keeps its bytes until it is closed.
    await truncate(this.path, 0);
    await rm(this.path, { force: true });
    this.record.held = [];
    this.record.version = {};
    this.here = 0;
  }

  private verified(sha256: string): void {
    this.record.sha256 = sha256;
    this.here = this.total ?? this.here;
    this.state = 'verified';
  }

  private count(bytes: number): void {
    this.here += bytes;
    this.place.arrived(bytes);
  }
}
