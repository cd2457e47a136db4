// JSON documents of the HTTP API and of `lamina --json`, in snake_case.
import type { DownloadFile, DownloadState, Downloadable } from './downloads.js';
import type { WireError } from './errors.js';
import type { ModelEntry } from './manifest.js';
import type { Diagnostic, ModelCapability, ModelStats, RemovedModel } from './models.js';
import type { SlotState } from './runtime.js';
import type { Json } from './schema.js';

/** A model in a list: its manifest entry and its state. */
export type ModelView = ModelEntry & {
  /** Size of the files in bytes; 0 if they are not on disk. */
  readonly bytes: number;
  /** True if all files are on disk. */
  readonly available: boolean;
  /** True if a model server is running or sleeping. */
  readonly active: boolean;
  readonly state: SlotState;
  /** With `?backends=true`: the backend that would run it. */
  readonly runs_on?: string;
  /** With `?backends=true`: why no backend here would run it. */
  readonly cannot_run?: string;
};

/** `GET /models`. */
export interface ModelsView {
  readonly models: Readonly<Record<string, ModelView>>;
  readonly total: number;
  readonly available: number;
  readonly active: number;
}

/** `GET /models/:name`, with metadata of the files (snake_case), missing files and the last error. */
export type ModelDetail = ModelView & {
  /** With `?backends=true`, if the backend can estimate it: the memory that it would need with its options. */
  readonly memory?: { readonly bytes: number; readonly context_length: number };
  /** Tokens in the context of one request: of the running engine; else of the model's options, or its training. */
  readonly context_length?: number;
  readonly capabilities?: readonly ModelCapability[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly missing?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
  /** For a running model on a server. */
  readonly server?: ModelServerView;
};

/** Where a server serves a running model. The addresses are those of the server, not of the engine. */
export interface ModelServerView {
  /** The port that the client connected to. */
  readonly port: number;
  readonly backend?: string | undefined;
  readonly health_endpoint: string;
  readonly chat_endpoint: string;
  /** ISO 8601. */
  readonly started_at?: string | undefined;
  /** The process of the engine; only for callers with the scope `manage`. */
  readonly pid?: number | undefined;
  /** The address of the engine; only for callers with the scope `manage`. */
  readonly origin?: string | undefined;
}

/** `POST /models/:name/start`. With `?wait=false`, `active` is false until the model is ready. */
export type StartedView = ModelDetail & { readonly model: string } & Pick<
    ModelServerView,
    'port' | 'health_endpoint' | 'chat_endpoint'
  >;

/** `POST /models/:name/stop`. With `?wait=false`, `stopped` is false. */
export type StoppedView = ModelDetail & { readonly model: string; readonly stopped: boolean };

/** A backend, as `GET /backends` lists it. */
export interface BackendView {
  readonly type: string;
  readonly available: boolean;
  readonly version?: string;
  readonly executable?: string;
  readonly formats: readonly string[];
  readonly reason?: string;
  readonly hint?: string;
  /** A note about an available backend. */
  readonly note?: string;
  /** Backends that are not here and whose models this one serves. */
  readonly fallback_for?: readonly string[];
  /** The backend that serves its models while it is not available. */
  readonly fallback?: string;
}

/** `GET /backends`. */
export interface BackendsView {
  readonly backends: Readonly<Record<string, BackendView>>;
  /** The names of the available backends. */
  readonly available: readonly string[];
  readonly total_configured: number;
  readonly total_available: number;
}

/** `POST /backends/<name>/install`. */
export interface InstallationView {
  readonly backend: string;
  readonly version?: string;
  /** False when it was installed already. */
  readonly installed: boolean;
}

/** `POST /models/validate`. */
export interface ValidationView {
  /** False if there is an error in the manifest or a problem of a file; warnings do not count. */
  readonly valid: boolean;
  readonly checked: number;
  /** What is wrong in the manifest, and which files are not offered as models; of named models only theirs. */
  readonly diagnostics: readonly Diagnostic[];
  /** The problems of the files of each model. */
  readonly models: Readonly<
    Record<
      string,
      { readonly valid: boolean; readonly problems: readonly { readonly kind: string; readonly message: string }[] }
    >
  >;
}

/** `POST /suggest`. */
export interface SuggestionView {
  readonly suggested: string;
  /** False when no model on disk is meant for what was asked: then the best of all models is suggested. */
  readonly matched: boolean;
  readonly model_info: ModelView;
  readonly available: boolean;
  readonly reasons: readonly string[];
  readonly alternatives: readonly {
    readonly name: string;
    readonly available: boolean;
    readonly score: number;
    readonly reasons: readonly string[];
    readonly command?: string;
  }[];
}

/** `DELETE /models/:name`. */
export interface RemovalView extends RemovedModel {
  readonly removed: string;
}

/** A download, as `GET /downloads/:id` shows it. */
export interface DownloadView {
  readonly id: string;
  readonly model: string;
  readonly source: string;
  readonly reference: Json;
  readonly state: DownloadState;
  readonly done: number;
  readonly total?: number;
  readonly bytes_per_second: number;
  readonly seconds_left?: number;
  readonly files: readonly DownloadFile[];
  readonly error?: WireError;
  readonly created_at: string;
}

/** `GET /downloadable`. */
export interface DownloadableView {
  readonly models: readonly Downloadable[];
}

/** `GET /health`. Without a required API key, only the first two fields. */
export interface HealthView {
  readonly status: 'healthy';
  /** Seconds since 1970, with a fraction. */
  readonly timestamp: number;
  readonly models?: ModelStats;
  /** How many diagnostics `POST /models/validate` shows. */
  readonly diagnostics?: number;
  readonly active_servers?: number;
}
