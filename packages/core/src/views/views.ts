// Builds the JSON documents of contract/views.ts and contract/model-views.ts, which the server and the command line show.
import type { BackendRecord, Installation, MemoryEstimate } from '../contract/backends.js';
import type { Download, SearchResult } from '../contract/downloads.js';
import type { Diagnostic, ModelCheck, ModelMetadata, ModelRecord } from '../contract/models.js';
import type { SlotSnapshot } from '../contract/runtime.js';
import type { SuggestedModel, Suggestion } from '../contract/suggestions.js';
import type { ModelDetail, ModelView, ModelsView, SuggestionView, ValidationView } from '../contract/model-views.js';
import type { BackendView, BackendsView, DownloadView, InstallationView, SearchView } from '../contract/views.js';
import { known } from './known.js';
import { modelFacts } from './model-facts.js';
import type { ModelRun } from './model-runs.js';
import { answeringRecord, slotOf, type ModelServices } from './slot-of.js';

/** A model of a list; `run` adds how it would run. */
export function modelView(lamina: ModelServices, record: ModelRecord, run?: ModelRun): ModelView {
  const slot = slotOf(lamina, record);
  const bytes = answeringRecord(lamina, record).model.files.reduce((sum, file) => sum + file.bytes, 0);
  return {
    ...record.entry,
    bytes,
    available: record.available,
    active: isActive(slot),
    state: slot.state,
    ...(run === undefined ? {} : runView(record, run)),
  };
}

function runView({ entry }: ModelRecord, { choice, metadata }: ModelRun): Partial<ModelView> {
  const quantization = entry.quantization ?? metadata?.quantization;
  return {
    ...(quantization === undefined ? {} : { quantization }),
    ...(choice.backend === undefined ? { cannot_run: choice.reason } : { runs_on: choice.backend }),
  };
}

/** A list of models; `runs` adds how they would run. */
export function modelsView(
  lamina: ModelServices,
  records: readonly ModelRecord[],
  runs?: ReadonlyMap<string, ModelRun>,
): ModelsView {
  const views = records.map((record) => {
    const { name } = record.model;
    return [name, modelView(lamina, record, runs?.get(name))] as const;
  });
  const models = Object.fromEntries(views);
  const active = Object.values(models).filter((model) => model.active).length;
  return { models, total: records.length, available: records.filter(({ available }) => available).length, active };
}

/** One model. `metadataOf` has its metadata, and that of the base of an adapter. */
export function modelDetail(
  lamina: ModelServices,
  record: ModelRecord,
  metadataOf: ReadonlyMap<string, ModelMetadata>,
  run?: ModelRun,
): ModelDetail {
  const { error, retryAt } = slotOf(lamina, record);
  const metadata = metadataOf.get(record.model.name);
  const memory = run?.choice.backend === undefined ? undefined : run.choice.memory;
  return {
    ...modelView(lamina, record, run),
    ...modelFacts(lamina, record, metadataOf),
    ...(memory === undefined ? {} : { memory: memoryView(memory) }),
    ...(metadata === undefined ? {} : { metadata: metadataView(metadata) }),
    ...(record.missing.length > 0 ? { missing: record.missing } : {}),
    ...known({ error, retry_at: retryAt }),
  };
}

function memoryView({
  hostBytes,
  mappedBytes = 0,
  deviceBytes,
  contextLength,
}: MemoryEstimate): NonNullable<ModelDetail['memory']> {
  const devices = Object.values(deviceBytes).reduce((sum, bytes) => sum + bytes, 0);
  return { bytes: hostBytes + mappedBytes + devices, context_length: contextLength };
}

/** True while an engine has the model in memory, or is asleep with it. */
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

/** What `Backends.install` did. */
export function installationView({ record, installed }: Installation): InstallationView {
  const { name, availability } = record;
  const version = availability.available ? availability.version : undefined;
  return { backend: name, ...(version === undefined ? {} : { version }), installed };
}

/** The problems of models and of the manifest. */
export function validationView(checks: readonly ModelCheck[], diagnostics: readonly Diagnostic[]): ValidationView {
  const models = checks.map(
    ({ name, problems }) =>
      [
        name,
        { valid: problems.length === 0, problems: problems.map(({ kind, message }) => ({ kind, message })) },
      ] as const,
  );
  const valid = models.every(([, { valid }]) => valid) && diagnostics.every(({ severity }) => severity !== 'error');
  return { valid, checked: checks.length, diagnostics, models: Object.fromEntries(models) };
}

/** A suggestion. */
export function suggestionView(
  lamina: ModelServices,
  { suggested, matched, alternatives }: Suggestion,
): SuggestionView {
  const { record, reasons } = suggested;
  return {
    suggested: record.model.name,
    matched,
    model_info: modelView(lamina, record),
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

/** The results of a search. */
export function searchView({ models, failed }: SearchResult): SearchView {
  return {
    models: models.map(({ updatedAt, ...model }) => ({
      ...model,
      ...(updatedAt === undefined ? {} : { updated_at: updatedAt }),
    })),
    failed,
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

function backendView({ type, formats, availability, fallbackFor, fallback }: BackendRecord): BackendView {
  if (!availability.available)
    return {
      type,
      available: false,
      formats,
      reason: availability.reason,
      hint: availability.hint,
      ...(fallback === undefined ? {} : { fallback: fallback }),
    };
  const { version, executable, note } = availability;
  return {
    type,
    available: true,
    ...(version === undefined ? {} : { version }),
    ...(executable === undefined ? {} : { executable }),
    formats,
    ...(note === undefined ? {} : { note }),
    ...(fallbackFor === undefined ? {} : { fallback_for: fallbackFor }),
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
