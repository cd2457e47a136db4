// One remote server: whether it responds, which models it has, how many requests it is given.
import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from '../contract/backends.js';
import type { Clock } from '../contract/context.js';
import { withTimeout } from '../kernel/abort.js';
import { isHeaderToken } from '../kernel/header-token.js';
import { networkReasonOf } from '../kernel/reason.js';
import { isShortage } from '../kernel/shortage.js';
import type { RemoteOptions } from './remote-options.js';
import { readModels, type ListedModel } from './remote-models.js';

/** A remote that fails so many checks in a row is dead. */
const maxFailures = 3;

/** A remote that is idle, or dead, is checked so often, and its list of models is read so often. */
export const idleIntervalMs = 10_000;

/**
 * A remote with requests, or after a failed check, is checked so often. With the limit of a check, a stream is silent
 * for 0.8 + 3 × 1.0 s at most, so that 5 s are kept on a busy machine when the way to its remote is cut.
 */
const busyIntervalMs = 800;
const busyLimitMs = 1_000;

/** The limit of other checks: the longest a new request waits for a remote of which nothing is known. */
const checkLimitMs = 2_000;

/** A remote that needs longer for its health route than others gets as long while it has requests. */
const slowFactor = 2;
const maxBusyLimitMs = 5_000;

const scheme = 'Bearer ';

/** What remotes need of Lamina. */
export interface RemoteContext {
  /** Direct, without a proxy, as requests are sent. */
  readonly fetch: typeof globalThis.fetch;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Aborted when Lamina closes; it ends all checks. */
  readonly signal: AbortSignal;
}

/** A configured remote. It is checked from `watch` until it is retired, or Lamina closes. */
export class Remote {
  /** Why it cannot be used, as part of a sentence and without its address; `undefined` while it can. */
  problem: string | undefined;
  /** What to do about the problem. */
  readonly hint: string;
  /** Its models as last read, by id; `undefined`: unknown. */
  models: ReadonlyMap<string, ListedModel> | undefined;
  /** Requests under way. */
  open = 0;
  /** Resolves after the first check. */
  readonly first: Promise<void>;
  readonly baseUrl: string;
  private readonly headers: Readonly<Record<string, string>>;
  /** A problem of the configuration, which no check can change. */
  private readonly misconfigured: string | undefined;
  private lost = new AbortController();
  private state: 'unknown' | 'responds' | 'refuses' | 'dead' = 'unknown';
  private failures = 0;
  /** Whether bytes of a response arrived since the checks began to fail. */
  private touched = false;
  /** Why it may have a problem, since its last response. */
  private doubt: string | undefined;
  /** When the last failed check that counts began. */
  private failedAt = -Infinity;
  private retired = false;
  private usualMs = 0;
  private checkedAt = -Infinity;
  private listedAt = -Infinity;
  private checking: Promise<void> | undefined;
  private onFirst: () => void = () => undefined;
  private cancelTick: () => void = () => undefined;

  constructor(
    readonly name: string,
    readonly options: RemoteOptions,
    private readonly context: RemoteContext,
    /** Called after a change of `problem`, `models` or `isDead`. */
    private readonly onChange: (remote: Remote) => void,
  ) {
    const { base_url, api_key_env: variable } = options;
    const key = variable === undefined ? undefined : context.env[variable];
    this.baseUrl = base_url.replace(/\/+$/, '');
    this.headers = key === undefined ? {} : { authorization: `${scheme}${key}` };
    this.misconfigured = keyProblem(variable, key);
    this.problem = this.misconfigured;
    this.hint =
      variable !== undefined && key === undefined
        ? `Set ${variable} to the key of the backend "${name}" and restart Lamina.`
        : `Correct base_url or api_key_env of the backend "${name}", or start that server.`;
    this.first = new Promise((resolve) => (this.onFirst = resolve));
  }

  /** True when it does not respond: nothing is known of it until it does. */
  get isDead(): boolean {
    return this.state === 'dead';
  }

  /** True when requests may be sent to it. */
  get isUsable(): boolean {
    return this.misconfigured === undefined && this.state !== 'dead' && this.state !== 'refuses';
  }

  /** True when its problem can pass by itself. */
  get canReturn(): boolean {
    return this.misconfigured === undefined && this.state !== 'responds';
  }

  /** What may be wrong with it; then requests are better sent elsewhere. */
  get suspicion(): string | undefined {
    return this.problem ?? this.doubt;
  }

  /** Whether it has the model; `undefined`: unknown. Ollama's names may leave out `:latest`. */
  lists(id: string): boolean | undefined {
    return this.models === undefined || this.models.size === 0 ? undefined : this.listed(id) !== undefined;
  }

  /** What its list says about a model. */
  listed(id: string): ListedModel | undefined {
    return this.models?.get(id) ?? this.models?.get(`${id}:latest`);
  }

  /** Begins to check it. */
  watch(): void {
    this.context.signal.addEventListener('abort', () => this.cancelTick(), { once: true });
    void this.tick();
  }

  /** Ends the checks once no request is under way: it is no longer configured. */
  retire(): void {
    this.retired = true;
  }

  /** Checks it now; a check in progress is joined. @throws Error when this system is short of files or sockets */
  check(): Promise<void> {
    return (this.checking ??= this.runCheck().finally(() => {
      this.checking = undefined;
      this.checkedAt = this.context.clock.now();
    }));
  }

  /** Where requests go; `counted`: for one that is now under way, which calls `done`. */
  endpoint(counted: boolean): Endpoint {
    const endpoint: Endpoint = {
      baseUrl: this.baseUrl,
      headers: this.headers,
      lost: this.lost.signal,
      touch: () => {
        this.touched = true;
      },
    };
    if (!counted) return endpoint;
    this.open += 1;
    return {
      ...endpoint,
      done: (outcome) => {
        this.open -= 1;
        if (outcome !== 'failed') return;
        this.doubt ??= 'its server closed a connection';
        this.check().catch(() => undefined); // Only a shortage, which passes.
      },
    };
  }

  private async tick(): Promise<void> {
    const { clock } = this.context;
    const began = clock.now();
    const isBusy = this.open > 0 || (this.failures > 0 && !this.isDead);
    if (isBusy || began - this.checkedAt >= idleIntervalMs) await this.check().catch(() => undefined);
    const isListDue = this.state === 'responds' && !isBusy && began - this.listedAt >= idleIntervalMs;
    void (isListDue ? this.readList() : Promise.resolve()).then(this.onFirst);
    if (this.context.signal.aborted || (this.retired && this.open === 0)) return;
    this.cancelTick = clock.after(Math.max(0, busyIntervalMs - (clock.now() - began)), () => void this.tick());
  }

  private async runCheck(): Promise<void> {
    if (this.misconfigured !== undefined) return;
    if (this.failures === 0) this.touched = false;
    const began = this.context.clock.now();
    const limitMs =
      this.open === 0 ? checkLimitMs : Math.max(busyLimitMs, Math.min(maxBusyLimitMs, slowFactor * this.usualMs));
    try {
      const response = await this.get(this.options.health ?? '/models', limitMs);
      await response.body?.cancel();
      if (this.open === 0) this.usualMs = this.context.clock.now() - began;
      this.responded(response.status);
    } catch (error) {
      if (isShortage(error)) throw error;
      if (!this.context.signal.aborted) this.failed(error, began);
    }
  }

  private responded(status: number): void {
    this.failures = 0;
    this.doubt = undefined;
    this.update('responds', this.problemOf(status));
  }

  private failed(error: unknown, began: number): void {
    const reason = `its server does not respond: ${networkReasonOf(error)}`;
    if (this.touched) {
      this.failures = 0; // A server that sends is alive, although it is too busy for the check.
      this.touched = false;
    } else {
      this.doubt = reason;
      // Requests cause checks, too, and their number must not decide.
      if (this.failures === 0 || began - this.failedAt >= busyIntervalMs / 2) {
        this.failures += 1;
        this.failedAt = began;
      }
    }
    if (this.state === 'unknown' || this.failures >= maxFailures) this.die(reason);
    // Nothing listens there. Requests under way may go on: a server that ends in order refuses new connections first.
    else if (isRefusal(error)) this.update('refuses', reason);
  }

  private die(reason: string): void {
    if (this.isDead) return;
    const { lost } = this;
    this.lost = new AbortController();
    this.update('dead', reason);
    lost.abort(new Error(reason));
  }

  private update(state: typeof this.state, problem: string | undefined): void {
    const isChanged = state !== this.state || problem !== this.problem;
    this.state = state;
    this.problem = problem;
    if (isChanged) this.onChange(this);
  }

  private problemOf(status: number): string | undefined {
    if (status >= 200 && status < 300) return undefined;
    const { api_key_env: variable, health } = this.options;
    if (status === 401 || status === 403)
      return `its server refuses ${variable === undefined ? 'requests without a key' : 'the key'}`;
    // A server that has no such route says nothing about its health.
    if (health === undefined && (status === 404 || status === 405 || status === 501)) return undefined;
    return `its server responded with status ${status}`;
  }

  /** Reads its list of models. A list that cannot be read now stays as it was; without such a route it is unknown. */
  private async readList(): Promise<void> {
    this.listedAt = this.context.clock.now();
    const limitMs = checkLimitMs;
    try {
      const models = await withTimeout(this.context.signal, limitMs, timeoutError(limitMs), async (signal) => {
        const response = await this.request('/models', signal);
        if (response.ok) return readModels(response);
        await response.body?.cancel();
        return response.status === 404 ? undefined : this.models;
      });
      if (isDeepStrictEqual(models, this.models)) return;
      this.models = models;
      this.onChange(this);
    } catch {
      // The checks find out what is wrong.
    }
  }

  private get(path: string, limitMs: number): Promise<Response> {
    return withTimeout(this.context.signal, limitMs, timeoutError(limitMs), (signal) => this.request(path, signal));
  }

  private request(path: string, signal: AbortSignal): Promise<Response> {
    return this.context.fetch(`${this.baseUrl}${path}`, { headers: { ...this.headers, connection: 'close' }, signal });
  }
}

function timeoutError(limitMs: number): () => Error {
  return () => new Error(`no answer within ${limitMs / 1000} s`);
}

/** Such a key makes an invalid header, and the error about it would contain the key. */
function keyProblem(variable: string | undefined, key: string | undefined): string | undefined {
  if (variable === undefined) return undefined;
  if (key === undefined || key === '') return `the environment variable ${variable} is not set`;
  return isHeaderToken(key)
    ? undefined
    : `the environment variable ${variable} contains a space or another character that is not allowed in a key`;
}

function isRefusal(error: unknown): boolean {
  const { code, cause } = error as NodeJS.ErrnoException;
  return code === 'ECONNREFUSED' || (cause instanceof Error && isRefusal(cause));
}
