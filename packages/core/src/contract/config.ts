// The options of createLamina.
import type { Container } from 'inversify';
import type { Manifest } from './manifest.js';
import type { Plugin } from './plugin.js';
import type { Clock, Logger } from './context.js';

/** Limits of the runtime. Times are in seconds. A model can override some limits in models.yaml. */
export interface RuntimeLimits {
  /**
   * System memory that all models together may use, in bytes. Default: what the machine, or the container, has, less
   * 5 % but at least 1 GiB (512 MiB below 8 GiB).
   */
  readonly memory: number | undefined;
  /** The same for devices, by the names that engines give them: `{ CUDA0: 20e9 }`. Default: what each has. */
  readonly deviceMemory: Readonly<Record<string, number>>;
  /** Maximum number of model servers that run at the same time, including sleeping ones. Default: no maximum. */
  readonly maxLoaded: number | undefined;
  /** Maximum time for a model to start, to fall asleep or to wake up. Default: 600. */
  readonly loadTimeout: number;
  /** How long requests in progress may continue when their model is stopped; default 30. */
  readonly drainTimeout: number;
  /** How long an engine may take to exit before it is killed. Default: 10. */
  readonly stopTimeout: number;
  /** An idle model is stopped or put to sleep after this; 0: never. Default 300. */
  readonly idleTimeout: number;
  /** Requests that may wait, for all models together; default 512. */
  readonly queueLimit: number;
  /** How long a request may wait for capacity, not counting the load itself; default 600. */
  readonly queueTimeout: number;
  /**
   * How much later than a request that waits for memory another one may arrive and still overtake it; after that,
   * models that must be stopped for it accept no newer requests. Default 2.
   */
  readonly starvationTimeout: number;
  /**
   * Time between two health checks of a ready server; 0: never. Default 15. A check may take as long, but at most 10 s.
   * A server that fails three checks in a row is ended, unless bytes of a response arrived meanwhile. For engines that
   * cannot answer a check while they compute, choose more than a third of their longest time to the first token.
   */
  readonly healthInterval: number;
}

/** Limits of downloads. Times are in seconds. */
export interface DownloadLimits {
  /** Downloads that run at the same time; others are queued. Default 2. */
  readonly maxConcurrent: number;
  /** Connections of all downloads together; default 8. */
  readonly connections: number;
  /** Connections per file; default 4. */
  readonly connectionsPerFile: number;
  /** A connection that receives no data for this time is replaced; default 30; 0: never. */
  readonly stallTimeout: number;
  /** Retries in a row that receive no data, before a file fails; default 5. */
  readonly maxRetries: number;
  /** The pause before the first retry; doubled with each, up to thirty times as long. Default 1. */
  readonly retryDelay: number;
  /**
   * Resume unfinished downloads when Lamina starts; default true. With false they are paused until they are requested,
   * and this Lamina counts as a command that ends soon: `lamina pull` waits for it.
   */
  readonly autoResume: boolean;
  /**
   * Hosts, as `name` or `name:port`, that downloads requested over the network may use although their addresses are
   * private, or cannot be resolved on this machine behind a proxy; default none.
   */
  readonly allowedHosts: readonly string[];
}

/** The options of `createLamina`. */
export interface LaminaOptions {
  /** Plugins, set up in this order. Default: none. */
  readonly plugins?: readonly Plugin[];
  /**
   * The path of a models.yaml, or the manifest as an object. Default: `models.yaml` in the models directory, if it
   * exists.
   */
  readonly manifest?: string | Partial<Manifest>;
  /** The directory that model paths are relative to; default `models` in the working directory. */
  readonly modelsDir?: string;
  /**
   * The directory for Lamina's own state. Only one process can own it. Default: `.lamina` in the models directory; if that
   * cannot be written, a directory for these models in the user's data home, such as `~/.local/share/lamina/models-…`.
   */
  readonly dataDir?: string;
  /**
   * `owner`: locks the data directory, runs engines and downloads. `attached`: works beside the owner, if there is one;
   * takes no lock and writes nothing in the data directory. It can read everything and edit the manifest, as a person
   * can with an editor; starting models or downloads fails with `CONFLICT`. Default `owner`.
   */
  readonly mode?: 'owner' | 'attached';
  /** Limits of the runtime; a limit that is left out keeps its default. */
  readonly limits?: Partial<RuntimeLimits>;
  /** Limits of downloads; a limit that is left out keeps its default. */
  readonly downloads?: Partial<DownloadLimits>;
  /**
   * A logger, or the level of the built-in one, which logs to standard error: text in a terminal, JSON lines otherwise.
   * Default: `warn`.
   */
  readonly log?: Logger | 'silent' | 'error' | 'warn' | 'info' | 'debug';
  /** The environment variables for plugins and engines. Default: those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /**
   * The `fetch` that plugins use. Default: the global one, with the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
   */
  readonly fetch?: typeof globalThis.fetch;
  /** The clock, so that a test can control time; default: the system's. */
  readonly clock?: Clock;
  /**
   * Replaces services before they are created: `container.rebind(tokens.Policy).toConstantValue(policy)`. Synchronous;
   * every token stays bound exactly once.
   * @example
   * ```ts
   * import { createLamina, tokens } from '@lamina/core';
   *
   * const lamina = await createLamina({
   *   configure: (container) => void container.rebind(tokens.Policy).toConstantValue(policy),
   * });
   * ```
   */
  readonly configure?: (container: Container) => void;
}

/** {@link LaminaOptions} with every default filled in; bound as `tokens.Config`. */
export interface Config {
  readonly plugins: readonly Plugin[];
  readonly manifest: string | Partial<Manifest> | undefined;
  readonly modelsDir: string;
  readonly dataDir: string;
  readonly mode: 'owner' | 'attached';
  readonly limits: RuntimeLimits;
  readonly downloads: DownloadLimits;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly fetch: typeof globalThis.fetch;
}
