// The downloads of a server, and their progress.
import { call, type CallOptions } from './call.js';
import type { Connection } from './connection.js';
import { abortedError, LaminaClientError } from './error.js';
import type { Events, UnknownEvent } from './events.js';
import type { DownloadView } from './wire.js';

/** What to download: a model of the server's manifest, or a reference at a source. */
export type DownloadRequest =
  | { readonly model: string; /** Only from this source. */ readonly source?: string }
  | {
      /** Such as a URL, or `org/model` with the source `huggingface`. */
      readonly reference: unknown;
      /** The name of the new model. */
      readonly name?: string;
      /** Only this source; default: the first that supports the reference. */
      readonly source?: string;
    };

/** What changes a download, in events. */
const eventTypes = ['queued', 'started', 'progress', 'verified', 'finished', 'failed', 'cancelled', 'paused'].map(
  (verb) => `download.${verb}`,
);

/** The downloads of a server. */
export class Downloads {
  /** @internal */
  constructor(
    private readonly connection: Connection,
    private readonly events: Events,
  ) {}

  /**
   * Starts a download, which goes on without the client; resolves when its files are known. An unfinished download of
   * the same model is continued instead.
   * @throws LaminaClientError `FORBIDDEN`, `CONFLICT` when the model exists, and why it cannot be downloaded
   */
  start(request: DownloadRequest, options: CallOptions = {}): Promise<DownloadView> {
    return call(this.connection, { type: 'download.start', request }, options);
  }

  /** All downloads, oldest first. */
  async list(options: CallOptions = {}): Promise<readonly DownloadView[]> {
    const list = call<{ downloads: readonly DownloadView[] }>(this.connection, { type: 'download.list' }, options);
    return (await list).downloads;
  }

  /** Pauses a download and keeps its bytes. @throws LaminaClientError `DOWNLOAD_NOT_FOUND`, `CONFLICT`, `FORBIDDEN` */
  pause(id: string, options: CallOptions = {}): Promise<DownloadView> {
    return this.#change('pause', id, options);
  }

  /** Resumes a paused or failed download. @throws LaminaClientError `DOWNLOAD_NOT_FOUND`, `CONFLICT`, `FORBIDDEN` */
  resume(id: string, options: CallOptions = {}): Promise<DownloadView> {
    return this.#change('resume', id, options);
  }

  /** Stops a download and deletes its bytes. @throws LaminaClientError `DOWNLOAD_NOT_FOUND`, `CONFLICT`, `FORBIDDEN` */
  cancel(id: string, options: CallOptions = {}): Promise<DownloadView> {
    return this.#change('cancel', id, options);
  }

  /**
   * The state of a download now and whenever it changes, at most as often as it is read, until it has finished. Leaving
   * the loop ends the watching, not the download. A paused download is waited for.
   * @throws LaminaClientError `DOWNLOAD_NOT_FOUND`; the download's own error when it fails; `ABORTED` when the signal is
   * aborted or the download is cancelled
   * @example
   * ```ts
   * const { id } = await client.downloads.start({ model: 'tiny' });
   * for await (const { done, total } of client.downloads.watch(id)) console.log(`${done} of ${total} bytes`);
   * ```
   */
  async *watch(id: string, options: CallOptions = {}): AsyncGenerator<DownloadView, void, undefined> {
    const { signal } = options;
    let changes = 0;
    let wake: () => void = () => undefined;
    const onChange = (): void => {
      changes++;
      wake();
    };
    const onEvent = ({ download }: UnknownEvent): void => void (download === id && onChange());
    const stops = [this.events.on(eventTypes, onEvent), this.events.on(['gap'], onChange)];
    const { closed } = this.connection;
    for (const one of [signal, closed]) one?.addEventListener('abort', onChange);
    try {
      for (;;) {
        const before = changes;
        const download = (await this.list(options)).find((one) => one.id === id);
        if (download === undefined)
          throw new LaminaClientError({ code: 'DOWNLOAD_NOT_FOUND', message: `Download "${id}" was not found.` });
        yield download;
        if (download.state === 'finished') return;
        if (download.state === 'failed') throw new LaminaClientError(download.error!);
        if (download.state === 'cancelled')
          throw new LaminaClientError({
            code: 'ABORTED',
            message: `The download of "${download.model}" was cancelled.`,
          });
        if (changes === before) await new Promise<void>((resolve) => (wake = resolve));
        if (signal?.aborted === true) throw abortedError(signal);
      }
    } finally {
      for (const one of [signal, closed]) one?.removeEventListener('abort', onChange);
      for (const stop of stops) stop();
    }
  }

  #change(verb: string, download: string, options: CallOptions): Promise<DownloadView> {
    return call(this.connection, { type: `download.${verb}`, download }, options);
  }
}
