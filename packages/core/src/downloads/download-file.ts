// One file of a download: transferred, linked or copied into a part file, and checked.
import { open, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DownloadFile } from '../contract/downloads.js';
import { LaminaError } from '../contract/errors.js';
import type { AddressGuard, Location, PlanFile } from '../contract/source.js';
import type { FileRecord } from './download-journal.js';
import type { KnownFiles } from './known-files.js';
import { alreadyExists, checkTarget, fileSize, linkOrCopy } from './place-file.js';
import { FileHash, sha256OfFile } from './transfer/file-hash.js';
import { FileTransfer, type TransferTools } from './transfer/file-transfer.js';
import { PartFile } from './transfer/part-file.js';

/** What all files share. */
export interface FileTools extends TransferTools {
  readonly known: KnownFiles;
}

/** What a file needs from its download. */
export interface FileContext {
  /** The path of its part file. */
  readonly partPath: string;
  /** The folder of the download. */
  readonly folder: string;
  /** The final path of the file. */
  readonly target: string;
  readonly guard: AddressGuard | undefined;
  locate(file: PlanFile, signal: AbortSignal): Promise<Location>;
  /** Called with the number of bytes of each write. */
  onWritten(bytes: number): void;
  /** Writes the journal. */
  save(): Promise<void>;
}

/** A file on its way to its part file. */
export class JobFile {
  private state: DownloadFile['state'] = 'waiting';
  private part: PartFile | undefined;
  private isResumable = true;
  /** Bytes on disk. */
  private present: number;
  /** The largest `done` that was reported: it never decreases. */
  private reported = 0;

  constructor(
    readonly plan: PlanFile,
    readonly record: FileRecord,
    private readonly context: FileContext,
    private readonly tools: FileTools,
  ) {
    this.present = record.held.reduce((sum, [from, to]) => sum + to - from, 0);
  }

  get target(): string {
    return this.context.target;
  }

  /** Where its bytes are until it is placed. */
  get path(): string {
    return this.inPlace ? this.target : this.context.partPath;
  }

  get inPlace(): boolean {
    return 'file' in this.plan.from && this.plan.from.mode === 'in-place';
  }

  get total(): number | undefined {
    return this.record.version.bytes ?? this.plan.bytes;
  }

  /** Bytes that will still be written. */
  get missing(): number {
    return this.inPlace || this.record.sha256 !== undefined ? 0 : Math.max(0, (this.total ?? 0) - this.present);
  }

  /** A complete file as the hook `verifyDownload` gets it. */
  asPlanFile(): PlanFile {
    const { sha256 } = this.record;
    return {
      ...this.plan,
      bytes: this.total!,
      ...(sha256 ? { sha256 } : {}),
      from: { file: this.path, mode: 'in-place' },
    };
  }

  snapshot(): DownloadFile {
    const { total, state } = this;
    const isIncomplete = state === 'waiting' || state === 'fetching';
    this.reported = Math.max(this.reported, isIncomplete ? this.present : (total ?? this.present));
    return {
      path: this.plan.path,
      done: Math.min(this.reported, total ?? Infinity),
      ...(total === undefined ? {} : { total }),
      state,
    };
  }

  /** Flushes the part file and updates the record. What the record says then survives a loss of power. */
  async sync(): Promise<void> {
    const { part } = this;
    const held = await part?.sync();
    if (held !== undefined && this.part === part) this.record.held = held;
  }

  /**
   * Resolves when the file is complete and checked. Bytes that are on this machine already are not transferred.
   * @throws LaminaError what a transfer throws, `DIGEST_MISMATCH`; the signal's reason
   */
  async obtain(signal: AbortSignal): Promise<void> {
    if (this.record.sha256 !== undefined && (await this.isPresent())) return this.onVerified(this.record.sha256);
    delete this.record.sha256;
    if (await this.reuseKnownFile(signal)) return;
    this.state = 'fetching';
    const { from } = this.plan;
    if ('key' in from) await this.transfer(signal);
    else await this.copyLocalFile(from.file, from.mode, signal);
  }

  /** @throws LaminaError `CONFLICT` when it could not get its final name */
  async checkTarget(): Promise<void> {
    if (!this.inPlace) await checkTarget(this.target, this.total);
  }

  /** The file has its final name. */
  onPlaced(): void {
    this.state = 'placed';
  }

  /** Whether another file has the same bytes. */
  async isSame(path: string): Promise<boolean> {
    const bytes = await fileSize(path);
    if (bytes === undefined || bytes !== this.total) return false;
    return (await sha256OfFile(path, bytes, new AbortController().signal)) === this.record.sha256;
  }

  /** After a failure: deletes bytes that a later transfer could not use. */
  async deleteUseless(): Promise<void> {
    if (this.isResumable || this.record.sha256 !== undefined) return;
    await rm(this.path, { force: true });
    this.forget();
  }

  private async isPresent(): Promise<boolean> {
    const size = (await fileSize(this.path)) ?? (await fileSize(this.target));
    return size !== undefined && size === this.total;
  }

  private async reuseKnownFile(signal: AbortSignal): Promise<boolean> {
    const { sha256 } = this.plan;
    if (sha256 === undefined || this.inPlace) return false;
    const size = await fileSize(this.target);
    const isTargetSame =
      size !== undefined &&
      (this.plan.bytes ?? size) === size &&
      (await sha256OfFile(this.target, size, signal)) === sha256.toLowerCase();
    if (size !== undefined && !isTargetSame) throw alreadyExists(this.target);
    const path = isTargetSame ? this.target : await this.tools.known.find(sha256);
    if (path === undefined) return false;
    await this.linkOrCopy(path, 'link', signal);
    this.record.version = { bytes: (await fileSize(this.path))! };
    this.onVerified(sha256);
    return true;
  }

  private async copyLocalFile(file: string, mode: 'copy' | 'link' | 'in-place', signal: AbortSignal): Promise<void> {
    const bytes = await fileSize(file);
    if (bytes === undefined) {
      const message = `${file} does not exist or is not a file. Check the reference.`;
      throw new LaminaError('SOURCE_UNREACHABLE', { message });
    }
    this.record.version = { bytes };
    if (mode !== 'in-place') await this.linkOrCopy(file, mode, signal);
    if (mode === 'in-place' && this.plan.sha256 === undefined) return this.onVerified('');
    this.state = 'fetched';
    await this.verify(await sha256OfFile(this.path, bytes, signal), bytes);
  }

  private linkOrCopy(from: string, mode: 'link' | 'copy', signal: AbortSignal): Promise<void> {
    const onCopied = (bytes: number) => this.onWritten(bytes);
    return linkOrCopy(from, this.path, mode, { space: this.tools.space, signal, onCopied });
  }

  private async transfer(signal: AbortSignal): Promise<void> {
    const { plan, record, context } = this;
    const part = await PartFile.open(this.path, record.held);
    this.part = part;
    this.present = part.written.bytes;
    let hash = await FileHash.open(this.path);
    hash.advance(part.written.prefix);
    const planned = plan.bytes === undefined ? {} : { bytes: plan.bytes };
    const transfer = new FileTransfer(
      {
        path: plan.path,
        directory: context.folder,
        part,
        bytes: plan.bytes,
        version: { ...planned, ...(part.written.bytes === 0 ? {} : record.version) },
        hasDigest: plan.sha256 !== undefined,
        guard: context.guard,
        locate: (limited) => context.locate(plan, limited),
        onWritten: (bytes, version) => {
          record.version = version;
          this.onWritten(bytes);
          hash.advance(part.written.prefix);
        },
        onDiscard: async () => {
          this.forget();
          await hash.close();
          hash = await FileHash.open(this.path);
          await context.save();
        },
      },
      this.tools,
    );
    try {
      const bytes = await transfer.run(signal);
      record.version = { ...record.version, bytes };
      this.state = 'fetched';
      await this.verify(await hash.digest(bytes, signal), bytes);
    } finally {
      this.isResumable = transfer.isResumable;
      await hash.close();
      await this.sync().catch(() => undefined); // What is not recorded is transferred again.
      this.part = undefined;
      await part.close();
    }
  }

  private async verify(sha256: string, bytes: number): Promise<void> {
    const { path, sha256: planned, bytes: plannedBytes = bytes } = this.plan;
    if (planned !== undefined && planned.toLowerCase() !== sha256) {
      const details = { file: path, actual: sha256, wanted: planned.toLowerCase() };
      throw new LaminaError('DIGEST_MISMATCH', { ...details, ...(await this.setAside()) });
    }
    const problem = plannedBytes === bytes ? await contentProblem(path, this.path) : 'does not have the announced size';
    if (planned === undefined && problem !== undefined) {
      const message = `${path} ${problem}, so it is not used. Check the reference.`;
      throw new LaminaError('SOURCE_UNREACHABLE', { message, file: path, ...(await this.setAside()) });
    }
    await this.part?.sync();
    this.onVerified(sha256);
  }

  /** Renames a wrong file, so that a person can inspect it and the next attempt begins with an empty one. */
  private async setAside(): Promise<{ kept?: string }> {
    const kept = join(this.context.folder, `${basename(this.plan.path)}.corrupt`);
    if (!this.inPlace) await rename(this.path, kept);
    this.part?.written.clear();
    this.forget();
    return this.inPlace ? {} : { kept };
  }

  private forget(): void {
    this.record.held = [];
    this.record.version = {};
    this.present = 0;
  }

  private onVerified(sha256: string): void {
    this.record.sha256 = sha256;
    this.present = this.total ?? this.present;
    this.state = 'verified';
  }

  private onWritten(bytes: number): void {
    this.present += bytes;
    this.context.onWritten(bytes);
  }
}

/** What is wrong with a file according to its first bytes, as a predicate; `undefined` when nothing is. */
async function contentProblem(name: string, path: string): Promise<string | undefined> {
  const handle = await open(path, 'r');
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0).finally(() => handle.close());
  const head = buffer.subarray(0, bytesRead);
  if (/\.gguf$/i.test(name) && head.toString('latin1', 0, 4) !== 'GGUF') return 'is not a GGUF file';
  const isSafetensors = head.length >= 9 && head.readBigUInt64LE(0) < 2n ** 32n && head[8] === 0x7b;
  if (/\.safetensors$/i.test(name) && !isSafetensors) return 'is not a safetensors file';
  const isPage = /^\s*<(!doctype html|html)/i.test(head.toString('latin1'));
  return isPage && !/\.html?$/i.test(name) ? 'is a web page' : undefined;
}
