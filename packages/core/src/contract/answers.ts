// What is told of models, backends and downloads as JSON: the same by the routes of a server and by the command `lamina
// --json`. snake_case.
import type { WireError } from './errors.js';
import type { ModelEntry } from './manifest.js';
import type { ModelMetadata } from './model.js';
import type { Json } from './schema.js';
import type {
  BackendRecord,
  Download,
  Downloadable,
  DownloadFile,
  DownloadState,
  ModelCheck,
  ModelRecord,
  Models,
  ModelStats,
  RemovedModel,
  Runtime,
  SlotSnapshot,
  SlotState,
  SuggestedModel,
  Suggestion,
} from './services.js';

/** Where models and their slots are looked up. */
type House = { readonly models: Pick<Models, 'resolve'>; readonly runtime: Pick<Runtime, 'slot'> };

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
  readonly stands_in_for?: readonly string[];
  /** The backend that serves its models while it is not here. */
  readonly replaced_by?: string;
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

/** The slot that serves a model: its own, or that of an adapter's base. */
export function slotOf({ models, runtime }: House, { model: { name, base } }: ModelRecord): SlotSnapshot {
  if (base === undefined) return runtime.slot(name);
  try {
    return runtime.slot(models.resolve(base).model.name);
  } catch {
    return runtime.slot(base); // Nobody knows its base, so nothing runs.
  }
}

/** A model as lists show it. */
export function modelView(house: House, record: ModelRecord): ModelView {
  const slot = slotOf(house, record);
  const bytes = record.model.files.reduce((sum, file) => sum + file.bytes, 0);
  return { ...record.entry, bytes, available: record.available, active: isActive(slot), state: slot.state };
}

/** A list of models. */
export function modelsView(house: House, records: readonly ModelRecord[]): ModelsView {
  const models = Object.fromEntries(records.map((record) => [record.model.name, modelView(house, record)]));
  const active = Object.values(models).filter((model) => model.active).length;
  return { models, total: records.length, available: records.filter(({ available }) => available).length, active };
}

/** One model; `metadata` is what `describe` found. */
export function modelDetail(house: House, record: ModelRecord, metadata: ModelMetadata | undefined): ModelDetail {
  const { error } = slotOf(house, record);
  return {
    ...modelView(house, record),
    ...(metadata === undefined ? {} : { metadata: metadataView(metadata) }),
    ...(record.missing.length > 0 ? { missing: record.missing } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

/** True while there is an engine that has, or can wake up, the model. */
export function isActive({ state }: Pick<SlotSnapshot, 'state'>): boolean {
  return state === 'ready' || state === 'degraded' || state === 'sleeping' || state === 'waking';
}

/** The backends. */
export function backendsView(records: readonly BackendRecord[]): BackendsView {
  const available = records.filter((record) => record.availability.available).map(({ name }) => name);
  return {
    backends: Object.fromEntries(records.map((record) => [record.name, backendView(record)])),
    available,
    total_configured: records.length,
    total_available: available.length,
  };
}

/** What was found wrong with models. */
export function validationView(checks: readonly ModelCheck[]): ValidationView {
  const models = checks.map(
    ({ name, problems }) =>
      [
        name,
        { valid: problems.length === 0, problems: problems.map(({ kind, message }) => ({ kind, message })) },
      ] as const,
  );
  return { valid: models.every(([, { valid }]) => valid), checked: checks.length, models: Object.fromEntries(models) };
}

/** A suggestion. */
export function suggestionView(house: House, { suggested, alternatives }: Suggestion): SuggestionView {
  const { record, reasons } = suggested;
  return {
    suggested: record.model.name,
    model_info: modelView(house, record),
    available: record.available,
    reasons,
    alternatives: alternatives.map(alternativeView),
  };
}

/** A download. */
export function downloadView({
  id,
  model,
  source,
  reference,
  state,
  done,
  total,
  bytesPerSecond,
  secondsLeft,
  files,
  error,
  createdAt,
}: Download): DownloadView {
  return {
    id,
    model,
    source,
    reference,
    state,
    done,
    ...(total === undefined ? {} : { total }),
    bytes_per_second: bytesPerSecond,
    ...(secondsLeft === undefined ? {} : { seconds_left: secondsLeft }),
    files,
    ...(error === undefined ? {} : { error }),
    created_at: createdAt,
  };
}

function metadataView(metadata: ModelMetadata): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(metadata).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

function backendView({ type, formats, availability, standsInFor, replacedBy }: BackendRecord): BackendView {
  if (!availability.available)
    return {
      type,
      available: false,
      formats,
      reason: availability.reason,
      hint: availability.hint,
      ...(replacedBy === undefined ? {} : { replaced_by: replacedBy }),
    };
  const { version, executable, note } = availability;
  return {
    type,
    available: true,
    ...(version === undefined ? {} : { version }),
    ...(executable === undefined ? {} : { executable }),
    formats,
    ...(note === undefined ? {} : { note }),
    ...(standsInFor === undefined ? {} : { stands_in_for: standsInFor }),
  };
}

function alternativeView({ record, score, reasons, command }: SuggestedModel): SuggestionView['alternatives'][number] {
  return {
    name: record.model.name,
    available: record.available,
    score,
    reasons,
    ...(command === undefined ? {} : { command }),
  };
}
