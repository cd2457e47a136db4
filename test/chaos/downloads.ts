// Clients that download: pairs that complete together, cancels with a simultaneous POST, pauses. Every
// finished file is compared with the one sent.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readChat } from './chats.js';
import { attempt, parseAnswer, pick, ErrorResponse, repeat, WrongResponse, type Chaos } from './context.js';
import { ConnectionLost } from './http.js';
import { Pair, type DownloadSite, type Manner } from './download-site.js';
import { makeDownloadable, sha256Of, type Downloadable } from './models.js';
import { keys } from './settings.js';

const pollMs = 100;
const maxAttempts = 40;

interface View {
  readonly id: string;
  readonly state: string;
  readonly done: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A file to download into the models directory. */
interface RequestedFile {
  readonly name: string;
  readonly file: Downloadable;
  readonly url: string;
  readonly offeredAt: number;
}

/** Downloads in sequence. */
export class DownloadClients {
  private count = 0;
  /** Models that were downloaded and not removed: they must stay complete. */
  private readonly kept: RequestedFile[] = [];

  constructor(
    private readonly chaos: Chaos,
    private readonly site: DownloadSite,
  ) {}

  /** One client; several may run concurrently. */
  run(): Promise<void> {
    const ways = [
      this.pair,
      this.pair,
      this.single,
      this.cancelAndRestart,
      this.cancelAndRestart,
      this.cancelOnly,
      this.pauseAndResume,
    ];
    return repeat(this.chaos, 1500, () => pick(this.chaos, ways).call(this));
  }

  /** Compares the files on disk with those sent, for every model that was kept. */
  checkKept(): void {
    const broken = this.kept.filter((requested) => !this.isComplete(requested));
    this.chaos.tally.check(
      'downloaded files that changed later',
      broken.length,
      broken.map(({ name }) => name).join(', '),
    );
  }

  /** Cancels every listed download, so that none of its files may remain. */
  async cancelAll(): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    const listed = await this.request('GET', '/downloads', signal);
    for (const { id } of (listed as unknown as { downloads: View[] }).downloads)
      await this.request('DELETE', `/downloads/${id}`, signal).catch(() => undefined);
  }

  private async pair(): Promise<void> {
    const pair = new Pair();
    const both = [await this.offer('together', pair), await this.offer('together', pair)];
    const finished = await Promise.all(both.map((requested) => this.download('download, pair', requested)));
    for (const [index, requested] of both.entries()) if (finished[index] === true) await this.after(requested);
  }

  private async single(): Promise<void> {
    const requested = await this.offer(pick(this.chaos, ['honest', 'without ranges', 'breaks off', 'slow']));
    if (await this.download('download', requested)) await this.after(requested);
  }

  /** DELETE and the same POST at the same time; in the end the model must be installed. */
  private async cancelAndRestart(): Promise<void> {
    const requested = await this.offer(pick(this.chaos, ['slow', 'slow', 'without ranges', 'honest']));
    const finished = await attempt(this.chaos, { client: 'download, again', model: requested.name }, async (signal) => {
      const { id } = await this.begin(requested, signal);
      await delay(this.chaos.random() * 600);
      this.chaos.disturbances.note('cancel', requested.name);
      const cancelled = this.request('DELETE', `/downloads/${id}`, signal).catch((error: unknown) =>
        this.ignoreCodes(error, ['DOWNLOAD_NOT_FOUND']),
      );
      if (this.chaos.random() < 0.3) await cancelled;
      await this.untilFinished(requested, signal);
      await cancelled;
    });
    if (finished) await this.after(requested);
  }

  private async cancelOnly(): Promise<void> {
    const requested = await this.offer('slow');
    await attempt(this.chaos, { client: 'download, cancels', model: requested.name }, async (signal) => {
      const { id } = await this.begin(requested, signal);
      await delay(this.chaos.random() * 600);
      this.chaos.disturbances.note('cancel', requested.name);
      await this.request('DELETE', `/downloads/${id}`, signal);
      const { status, text } = await this.chaos.http.fetchText(this.chaos.server.url, {
        method: 'GET',
        path: `/downloads/${id}`,
        key: keys.manage,
        signal,
      });
      if (status !== 404)
        throw new WrongResponse(`a cancelled download is still listed: ${status} ${text.slice(0, 200)}`);
    });
  }

  private async pauseAndResume(): Promise<void> {
    const requested = await this.offer('slow');
    const finished = await attempt(
      this.chaos,
      { client: 'download, pauses', model: requested.name },
      async (signal) => {
        const { id } = await this.begin(requested, signal);
        await delay(this.chaos.random() * 500);
        // It may have ended in the meantime.
        const ignoreCodes = (error: unknown) => this.ignoreCodes(error, ['CONFLICT', 'DOWNLOAD_NOT_FOUND']);
        await this.request('POST', `/downloads/${id}/pause`, signal).catch(ignoreCodes);
        await this.request('POST', `/downloads/${id}/resume`, signal).catch(ignoreCodes);
        await this.untilFinished(requested, signal);
      },
    );
    if (finished) await this.after(requested);
  }

  private download(client: string, requested: RequestedFile): Promise<boolean> {
    return attempt(this.chaos, { client, model: requested.name }, (signal) => this.untilFinished(requested, signal));
  }

  private async offer(manner: Manner, pair?: Pair): Promise<RequestedFile> {
    const name = `dl-${(this.count += 1)}`;
    const file = makeDownloadable(name, manner === 'slow' || this.chaos.random() < 0.3);
    return { name, file, url: this.site.serve(file, manner, pair), offeredAt: Date.now() };
  }

  /** Starts a download, with retries while the server restarts. */
  private async begin({ name, file, url }: RequestedFile, signal: AbortSignal): Promise<View> {
    const body = { name, reference: { url, sha256: file.sha256, filename: file.filename } };
    for (let attempts = 1; ; attempts++) {
      try {
        return (await this.request('POST', '/download', signal, body)) as unknown as View;
      } catch (error) {
        const again = this.chaos.disturbances.happened(['restart'], Date.now(), undefined, 15_000);
        if (attempts > maxAttempts || !again || !(error instanceof ConnectionLost || isCode(error, 'SHUTTING_DOWN')))
          throw error;
        await delay(pollMs * 3, undefined, { signal });
      }
    }
  }

  /**
   * Starts it again whenever it was cancelled, follows it to its end, and compares the file. @throws Wrong,
   * Refused
   */
  private async untilFinished(requested: RequestedFile, signal: AbortSignal): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      const error = await this.once(requested, signal).catch((thrown: unknown) => thrown);
      if (error === undefined) break;
      if (attempts > maxAttempts || !this.canRetry(error, requested)) throw error as Error;
      await delay(pollMs * 3, undefined, { signal });
    }
    if (!this.isComplete(requested))
      throw new WrongResponse(`${requested.name} is finished and its file is not the one that was sent`);
  }

  /** Whether a disturbance of the run explains a failure, so that the download is started again. */
  private canRetry(error: unknown, { name }: RequestedFile): boolean {
    const { disturbances } = this.chaos;
    if (error instanceof ConnectionLost) return disturbances.happened(['restart'], Date.now(), undefined, 20_000);
    return (
      error instanceof ErrorResponse && error.code !== 'INTERNAL' && disturbances.explain(error.code, Date.now(), name)
    );
  }

  /** One attempt from POST to the end. */
  private async once(requested: RequestedFile, signal: AbortSignal): Promise<void> {
    let view: View;
    try {
      view = await this.begin(requested, signal);
    } catch (error) {
      // The POST before the restart was processed and the model is installed: "already exists" is the correct
      // response.
      if (isCode(error, 'CONFLICT') && (await this.isInstalled(requested, signal))) return;
      throw error;
    }
    for (;;) {
      await delay(pollMs, undefined, { signal });
      try {
        view = (await this.request('GET', `/downloads/${view.id}`, signal)) as unknown as View;
      } catch (error) {
        if (isCode(error, 'DOWNLOAD_NOT_FOUND') && (await this.isInstalled(requested, signal))) return;
        throw error;
      }
      if (view.state === 'finished') return;
      if (view.state === 'failed')
        throw new ErrorResponse(view.error?.code ?? 'no code', 200, `the download failed: ${view.error?.message}`);
      if (view.state === 'cancelled') throw new ErrorResponse('ABORTED', 200, 'the download was cancelled');
    }
  }

  private async isInstalled({ name }: RequestedFile, signal: AbortSignal): Promise<boolean> {
    const model = await this.request('GET', `/models/${name}`, signal).catch(() => undefined);
    return model?.['available'] === true;
  }

  /** A finished model must respond; most are then removed with their files. */
  private async after(requested: RequestedFile): Promise<void> {
    const { chaos } = this;
    const { name } = requested;
    // An entry that the server adds to half a file is lost when the other half is written.
    const expected = () =>
      chaos.disturbances.happened(['half a file'], requested.offeredAt) ? ['MODEL_NOT_FOUND'] : [];
    if (chaos.random() < 0.5)
      await attempt(chaos, { client: 'chat, downloaded', model: name, expected: expected() }, (signal) =>
        readChat(chaos, name, { signal }),
      );
    if (chaos.random() < 0.2) return void this.kept.push(requested);
    await attempt(chaos, { client: 'DELETE model', model: name, expected: expected() }, async (signal) => {
      await this.request('DELETE', `/models/${name}?files=1`, signal);
      if (existsSync(this.pathOf(requested)))
        throw new WrongResponse(`${name} was removed with its files, and its file is still there`);
    });
  }

  private isComplete(requested: RequestedFile): boolean {
    const path = this.pathOf(requested);
    return existsSync(path) && sha256Of(readFileSync(path)) === requested.file.sha256;
  }

  private pathOf({ name, file }: RequestedFile): string {
    return join(this.chaos.modelsDir, name, file.filename);
  }

  private async request(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
  ): Promise<Record<string, unknown>> {
    const { status, text } = await this.chaos.http.fetchText(this.chaos.server.url, {
      method,
      path,
      key: keys.manage,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    return status === 204 ? {} : parseAnswer(status, text);
  }

  private ignoreCodes(error: unknown, codes: readonly string[]): void {
    if (
      error instanceof ConnectionLost ||
      (error instanceof ErrorResponse && [...codes, 'SHUTTING_DOWN'].includes(error.code))
    )
      return;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof ErrorResponse && error.code === code;
}
