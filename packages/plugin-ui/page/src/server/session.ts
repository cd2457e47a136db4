// A session with the server: the connection, what the key may do, and the values that several views show.
import { computed, signal } from '@preact/signals';
import { connect, type LaminaClient } from '@lamina/client';
import type { BackendsView, DownloadableView, DownloadsView, ModelsView, ServedModels } from '@lamina/core/protocol';
import { Api } from './api.js';
import { LiveValue, type LiveQuery } from './live.js';

/** How far a model is that starts, or an engine that is installed. */
export interface Progress {
  readonly stage: string;
  /** 0 to 1; `undefined` when nobody knows. */
  readonly ratio?: number;
}

/** Why the server refuses a session. */
export interface Refusal {
  readonly message: string;
  /** Whether another key would help; it would not for a page at an address that the server does not accept. */
  readonly needsKey: boolean;
}

/** Why something that needs the scope is disabled. */
export const manageHint = 'Needs a key with the scope manage.';

const modelEvents = [
  'model.discovered',
  'model.updated',
  'model.removed',
  'model.state',
  'model.failed',
  'manifest.changed',
  'manifest.invalid',
];

/** After so many milliseconds without a first connection, the page says so. */
const connectTimeout = 5000;

/** A session. It ends with {@link close}. */
export class Session {
  readonly client: LaminaClient;
  readonly api: Api;
  /** `unreachable`: there was no connection yet, and the first one takes long. */
  readonly connection = signal<'connecting' | 'unreachable' | 'live' | 'lost'>('connecting');
  /** What the key allows; empty before the connection is open. */
  readonly scopes = signal<readonly string[]>([]);
  readonly mayManage = computed(() => this.scopes.value.includes('manage'));
  readonly mayInfer = computed(() => this.scopes.value.includes('inference'));
  /** Model → the progress of its start. */
  readonly loading = signal<ReadonlyMap<string, Progress>>(new Map());
  /** Backend → the progress of its installation. */
  readonly installing = signal<ReadonlyMap<string, Progress>>(new Map());

  /** All models, with the backend that would run each. */
  readonly models;
  /** What models can do, of those that can be used. */
  readonly served;
  /** The models in use, and the memory that they share. */
  readonly ps;
  readonly downloads;
  /** Models of the manifest that are not on disk. */
  readonly downloadable;
  readonly backends;

  readonly #values: LiveValue<unknown>[] = [];
  readonly #timer = setTimeout(() => {
    if (this.connection.value === 'connecting') this.connection.value = 'unreachable';
  }, connectTimeout);

  /**
   * @param base The URL of the server's routes; it ends with a slash.
   * @param onRefused The server does not accept the key, asks for one, or does not accept the page.
   */
  constructor(base: URL, key: string | undefined, onRefused: (refusal: Refusal) => void) {
    this.api = new Api(base, key, (message) => onRefused({ message, needsKey: true }));
    this.client = connect(new URL('ws', base), key === undefined ? {} : { key });
    const { client, api } = this;
    client.on('connected', ({ scopes, restarted }) => {
      if (restarted) this.loading.value = this.installing.value = new Map();
      this.scopes.value = scopes;
      this.connection.value = 'live';
    });
    client.on('disconnected', () => (this.connection.value = 'lost'));
    client.on('error', ({ code, message }) => {
      // While it is connected, the server refuses the events of one type.
      if (this.connection.value !== 'live') onRefused({ message, needsKey: code === 'UNAUTHORIZED' });
    });
    // The progress of an earlier start says nothing about this one.
    client.on('model.state', ({ model, to }) => to === 'starting' && this.#forgetProgress(model));
    client.on('model.progress', ({ model, stage, ratio }) => this.#setProgress(this.loading, model, stage, ratio));
    client.on('backend.progress', ({ backend, stage, ratio }) =>
      this.#setProgress(this.installing, backend, stage, ratio),
    );
    this.models = this.#live({
      read: (signal) => api.request<ModelsView>('models?backends=true', { signal }),
      events: modelEvents,
    });
    this.served = this.#live({
      read: (signal) => api.request<ServedModels>('v1/models', { signal }),
      events: modelEvents,
    });
    this.ps = this.#live({
      read: (signal) => client.models.ps({ signal }),
      events: ['model.state', 'model.failed', 'queue.position', 'request.started', 'request.finished'],
    });
    this.downloads = this.#live({
      read: (signal) => api.request<DownloadsView>('downloads', { signal }),
      events: ['queued', 'started', 'progress', 'verified', 'finished', 'failed', 'cancelled', 'paused'].map(
        (verb) => `download.${verb}`,
      ),
    });
    this.downloadable = this.#live({
      read: (signal) => api.request<DownloadableView>('downloadable', { signal }),
      events: [...modelEvents, 'download.finished'],
    });
    this.backends = this.#live({
      read: (signal) => api.request<BackendsView>('backends', { signal }),
      events: ['backend.installed', 'manifest.changed'],
    });
  }

  /** A value that only one view shows; the view closes it. */
  live<T>(query: LiveQuery<T>): LiveValue<T> {
    return new LiveValue(this.client, query);
  }

  /** Ends the connection and everything that uses it. */
  close(): void {
    clearTimeout(this.#timer);
    for (const value of this.#values) value.close();
    this.client.close();
  }

  #live<T>(query: LiveQuery<T>): LiveValue<T> {
    const value = this.live(query);
    this.#values.push(value);
    return value;
  }

  #forgetProgress(model: string): void {
    this.loading.value = new Map([...this.loading.value].filter(([name]) => name !== model));
  }

  #setProgress(
    all: { value: ReadonlyMap<string, Progress> },
    name: string,
    stage: string,
    ratio: number | undefined,
  ): void {
    all.value = new Map(all.value).set(name, { stage, ...(ratio === undefined ? {} : { ratio }) });
  }
}
