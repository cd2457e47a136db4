// Clients that download: pairs that end together, cancels with the same POST at once, pauses. Every finished file is
// compared with what was sent.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readChat } from './chats.js';
import { attempt, parseAnswer, pick, Refused, repeat, Wrong, type Chaos } from './context.js';
import { ConnectionLost } from './http.js';
import { Pair, type DownloadSite, type Manner } from './download-site.js';
import { makeDownloadable, sha256Of, type Downloadable } from './models.js';
import { keys } from './settings.js';

const pollMs = 100;
const mostTries = 40;

interface View {
  readonly id: string;
  readonly state: string;
  readonly done: number;
  readonly error?: { readonly code: string; readonly message: string };
}

/** A file on its way to the models directory. */
interface Wanted {
  readonly name: string;
  readonly file: Downloadable;
  readonly url: string;
}

/** Downloads one thing after the other. */
export class DownloadClients {
  private count = 0;
  /** Models that were downloaded and not removed: they must stay whole. */
  private readonly kept: Wanted[] = [];

  constructor(
    private readonly chaos: Chaos,
    private readonly site: DownloadSite,
  ) {}

  /** One client; several may run at once. */
  run(): Promise<void> {
    const ways = [
      this.pair,
      this.pair,
      this.single,
      this.cancelAndAskAgain,
      this.cancelAndAskAgain,
      this.cancelOnly,
      this.pauseAndResume,
    ];
    return repeat(this.chaos, 1500, () => pick(this.chaos, ways).call(this));
  }

  /** Compares what is on disk with what was sent, for every model that stayed. */
  checkKept(): void {
    const broken = this.kept.filter((wanted) => !this.isWhole(wanted));
    this.chaos.tally.check(
      'downloaded files that changed later',
      broken.length,
      broken.map(({ name }) => name).join(', '),
    );
  }

  /** Cancels every download that is still listed, so that nothing of it may be left. */
  async cancelAll(): Promise<void> {
    const signal = AbortSignal.timeout(30_000);
    const listed = await this.ask('GET', '/downloads', signal);
    for (const { id } of (listed as unknown as { downloads: View[] }).downloads)
      await this.ask('DELETE', `/downloads/${id}`, signal).catch(() => undefined);
  }

  private async pair(): Promise<void> {
    const pair = new Pair();
    const both = [await this.offer('together', pair), await this.offer('together', pair)];
    const finished = await Promise.all(both.map((wanted) => this.whole('download, pair', wanted)));
    for (const [index, wanted] of both.entries()) if (finished[index] === true) await this.after(wanted);
  }

  private async single(): Promise<void> {
    const wanted = await this.offer(pick(this.chaos, ['honest', 'without ranges', 'breaks off', 'slow']));
    if (await this.whole('download', wanted)) await this.after(wanted);
  }

  /** DELETE and the same POST in one moment; in the end the model is there. */
  private async cancelAndAskAgain(): Promise<void> {
    const wanted = await this.offer(pick(this.chaos, ['slow', 'slow', 'without ranges', 'honest']));
    const finished = await attempt(this.chaos, { client: 'download, again', model: wanted.name }, async (signal) => {
      const { id } = await this.begin(wanted, signal);
      await delay(this.chaos.random() * 600);
      this.chaos.disturbances.note('cancel', wanted.name);
      const cancelled = this.ask('DELETE', `/downloads/${id}`, signal).catch((error: unknown) =>
        this.letPass(error, ['DOWNLOAD_NOT_FOUND']),
      );
      if (this.chaos.random() < 0.3) await cancelled;
      await this.untilFinished(wanted, signal);
      await cancelled;
    });
    if (finished) await this.after(wanted);
  }

  private async cancelOnly(): Promise<void> {
    const wanted = await this.offer('slow');
    await attempt(this.chaos, { client: 'download, cancels', model: wanted.name }, async (signal) => {
      const { id } = await this.begin(wanted, signal);
      await delay(this.chaos.random() * 600);
      this.chaos.disturbances.note('cancel', wanted.name);
      await this.ask('DELETE', `/downloads/${id}`, signal);
      const { status, text } = await this.chaos.http.ask(this.chaos.server.url, {
        method: 'GET',
        path: `/downloads/${id}`,
        key: keys.manage,
        signal,
      });
      if (status !== 404) throw new Wrong(`a cancelled download is still listed: ${status} ${text.slice(0, 200)}`);
    });
  }

  private async pauseAndResume(): Promise<void> {
    const wanted = await this.offer('slow');
    const finished = await attempt(this.chaos, { client: 'download, pauses', model: wanted.name }, async (signal) => {
      const { id } = await this.begin(wanted, signal);
      await delay(this.chaos.random() * 500);
      // It may have ended meanwhile.
      const letPass = (error: unknown) => this.letPass(error, ['CONFLICT', 'DOWNLOAD_NOT_FOUND']);
      await this.ask('POST', `/downloads/${id}/pause`, signal).catch(letPass);
      await this.ask('POST', `/downloads/${id}/resume`, signal).catch(letPass);
      await this.untilFinished(wanted, signal);
    });
    if (finished) await this.after(wanted);
  }

  private whole(client: string, wanted: Wanted): Promise<boolean> {
    return attempt(this.chaos, { client, model: wanted.name }, (signal) => this.untilFinished(wanted, signal));
  }

  private async offer(manner: Manner, pair?: Pair): Promise<Wanted> {
    const name = `dl-${(this.count += 1)}`;
    const file = await makeDownloadable(name, this.chaos.scratch, manner === 'slow' || this.chaos.random() < 0.3);
    return { name, file, url: this.site.serve(file, manner, pair) };
  }

  /** Asks for a download; a server that is being restarted is asked again. */
  private async begin({ name, file, url }: Wanted, signal: AbortSignal): Promise<View> {
    const body = { name, reference: { url, sha256: file.sha256, filename: file.filename } };
    for (let tries = 1; ; tries++) {
      try {
        return (await this.ask('POST', '/download', signal, body)) as unknown as View;
      } catch (error) {
        const again = this.chaos.disturbances.happened(['restart'], Date.now(), undefined, 15_000);
        if (tries > mostTries || !again || !(error instanceof ConnectionLost || isCode(error, 'SHUTTING_DOWN')))
          throw error;
        await delay(pollMs * 3, undefined, { signal });
      }
    }
  }

  /** Asks for it as often as somebody ends it, follows it to its end, and compares the file. @throws Wrong, Refused */
  private async untilFinished(wanted: Wanted, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      const error = await this.once(wanted, signal).catch((thrown: unknown) => thrown);
      if (error === undefined) break;
      if (tries > mostTries || !this.mayGoOn(error, wanted)) throw error as Error;
      await delay(pollMs * 3, undefined, { signal });
    }
    if (!this.isWhole(wanted)) throw new Wrong(`${wanted.name} is finished and its file is not the one that was sent`);
  }

  /** Whether a failure is explained by what the run did meanwhile, so that the same is asked for again. */
  private mayGoOn(error: unknown, { name }: Wanted): boolean {
    const { disturbances } = this.chaos;
    if (error instanceof ConnectionLost) return disturbances.happened(['restart'], Date.now(), undefined, 20_000);
    return error instanceof Refused && error.code !== 'INTERNAL' && disturbances.explain(error.code, Date.now(), name);
  }

  /** One time from POST to the end. */
  private async once(wanted: Wanted, signal: AbortSignal): Promise<void> {
    let view: View;
    try {
      view = await this.begin(wanted, signal);
    } catch (error) {
      // The POST before the restart was heard, and the model is here: "already here" is the right answer.
      if (isCode(error, 'CONFLICT') && (await this.isInstalled(wanted, signal))) return;
      throw error;
    }
    for (;;) {
      await delay(pollMs, undefined, { signal });
      try {
        view = (await this.ask('GET', `/downloads/${view.id}`, signal)) as unknown as View;
      } catch (error) {
        if (isCode(error, 'DOWNLOAD_NOT_FOUND') && (await this.isInstalled(wanted, signal))) return;
        throw error;
      }
      if (view.state === 'finished') return;
      if (view.state === 'failed')
        throw new Refused(view.error?.code ?? 'no code', 200, `the download failed: ${view.error?.message}`);
      if (view.state === 'cancelled') throw new Refused('ABORTED', 200, 'the download was cancelled');
    }
  }

  private async isInstalled({ name }: Wanted, signal: AbortSignal): Promise<boolean> {
    const model = await this.ask('GET', `/models/${name}`, signal).catch(() => undefined);
    return model?.['available'] === true;
  }

  /** A finished model answers; most are removed then, with their files. */
  private async after(wanted: Wanted): Promise<void> {
    const { chaos } = this;
    const { name } = wanted;
    if (chaos.random() < 0.5)
      await attempt(chaos, { client: 'chat, downloaded', model: name }, (signal) => readChat(chaos, name, { signal }));
    if (chaos.random() < 0.2) return void this.kept.push(wanted);
    await attempt(chaos, { client: 'DELETE model', model: name }, async (signal) => {
      await this.ask('DELETE', `/models/${name}?files=1`, signal);
      if (existsSync(this.pathOf(wanted)))
        throw new Wrong(`${name} was removed with its files, and its file is still there`);
    });
  }

  private isWhole(wanted: Wanted): boolean {
    const path = this.pathOf(wanted);
    return existsSync(path) && sha256Of(readFileSync(path)) === wanted.file.sha256;
  }

  private pathOf({ name, file }: Wanted): string {
    return join(this.chaos.modelsDir, name, file.filename);
  }

  private async ask(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
  ): Promise<Record<string, unknown>> {
    const { status, text } = await this.chaos.http.ask(this.chaos.server.url, {
      method,
      path,
      key: keys.manage,
      signal,
      ...(body === undefined ? {} : { body }),
    });
    return status === 204 ? {} : parseAnswer(status, text);
  }

  private letPass(error: unknown, codes: readonly string[]): void {
    if (
      error instanceof ConnectionLost ||
      (error instanceof Refused && [...codes, 'SHUTTING_DOWN'].includes(error.code))
    )
      return;
    throw error;
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Refused && error.code === code;
}
