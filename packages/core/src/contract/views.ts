// JSON documents about models, backends and downloads: what a server and `lamina --json` answer. snake_case.
import type { DownloadFile, DownloadState, Downloadable } from './downloads.js';
import type { WireError } from './errors.js';
import type { ModelEntry } from './manifest.js';
import type { ModelStats, RemovedModel } from './models.js';
import type { SlotState } from './runtime.js';
import type { Json } from './schema.js';

/** A model in a list: its entry, and how it stands. */
export type ModelView = ModelEntry & {
  /** Bytes of its files; 0 when they are not here. */
  readonly bytes: number;
  /** Every file is here. */
  readonly available: boolean;
  /** There is an engine that has it, or can wake up with it. */
  readonly active: boolean;
  readonly state: SlotState;
};

/** `GET /models`. */
export interface ModelsView {
  readonly models: Readonly<Record<string, ModelView>>;
  readonly total: number;
  readonly available: number;
  readonly active: number;
}

/**
 * `GET /models/:name`: what the header of its files tells (snake_case) and, where there are any, what is missing and
 * the last failure.
 */
export type ModelDetail = ModelView & {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly missing?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string };
  /** While it runs in a server: where to talk to it. */
  readonly server?: Readonly<Record<string, unknown>>;
};

/** A backend, as `GET /backends` lists it. */
export interface BackendView {
  readonly type: string;
  readonly available: boolean;
  readonly version?: string;
  readonly executable?: string;
  readonly formats: readonly string[];
  readonly reason?: string;
  readonly hint?: string;
  /** What there is to know although it is available. */
  readonly note?: string;
  /** Backends that are not here and whose models this one serves. */
  readonly fallback_for?: readonly string[];
  /** The backend that serves its models while it is not here. */
  readonly fallback?: string;
}

/** `GET /backends`. */
export interface BackendsView {
  readonly backends: Readonly<Record<string, BackendView>>;
  /** The names of those that are available. */
  readonly available: readonly string[];
  readonly total_configured: number;
  readonly total_available: number;
}

/** `POST /models/validate`. */
export interface ValidationView {
  readonly valid: boolean;
  readonly checked: number;
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

/** `GET /health`; without a key, where keys are wanted, only the first two. */
export interface HealthView {
  readonly status: 'healthy';
  readonly timestamp: string;
  readonly models?: ModelStats;
  readonly active_servers?: number;
}
