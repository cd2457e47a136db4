// Scores how well a model fits a request, with the reasons.
import type { Requirements } from '../contract/hooks.js';
import type { BackendChoice, Machine, MemoryEstimate } from '../contract/backends.js';
import type { Model, ModelRecord } from '../contract/models.js';
import { fileBytes } from '../kernel/file-bytes.js';
import { parseSize, showSize } from '../kernel/sizes.js';
import { unknownNeedOf } from '../kernel/unknown-need.js';

/** What a score depends on. */
export interface Situation {
  readonly wanted: Requirements;
  /** The default model of the use case in the manifest. */
  readonly defaultModel: string | undefined;
  /** The names in the categories with the name of the use case, and of the requested category. */
  readonly useCaseMembers: ReadonlySet<string>;
  readonly categoryMembers: ReadonlySet<string>;
  readonly machine: Machine;
}

/** The score of a model. */
export interface Judgement {
  readonly score: number;
  readonly reasons: readonly string[];
}

interface Point {
  readonly points: number;
  readonly reason: string | undefined;
}

/** The model's size in bytes: of its files, else in its entry. */
export function sizeOf({ model, entry, available }: ModelRecord): number | undefined {
  const bytes = fileBytes(model);
  if (available && bytes > 0) return bytes;
  return entry.size === undefined ? undefined : parseSize(entry.size);
}

/**
 * Judges a model. What it can run on this machine weighs most, then how directly it is meant for what was asked (the
 * order of the manifest: the one named, the use case's default, `use_cases`, the category called so, the category asked
 * for), then context and size.
 */
export function judge(record: ModelRecord, model: Model, choice: BackendChoice, situation: Situation): Judgement {
  const bytes = sizeOf(record);
  const purposes = purposesOf(record, model, situation);
  const parts = [
    {
      points: record.available ? 100_000 : 0,
      reason: record.available
        ? `on disk${bytes === undefined ? '' : `, ${showSize(bytes)}`}`
        : `not on disk${bytes === undefined ? '' : `, ${showSize(bytes)} to get`}`,
    },
    engine(choice),
    memory(bytes, choice.backend === undefined ? undefined : choice.memory, situation.machine),
    ...(purposes.length === 0 ? notForChat(model) : purposes),
    context(model),
    preset(model),
    { points: bytes === undefined ? 0 : Math.min(90, Math.log2(1 + bytes / 1e8) * 8), reason: undefined },
  ];
  return {
    score: Math.round(parts.reduce((sum, { points }) => sum + points, 0) * 100) / 100,
    reasons: parts.flatMap(({ reason }) => reason ?? []),
  };
}

function engine(choice: BackendChoice): Point {
  if (choice.backend === undefined) return { points: 0, reason: `cannot run here: ${choice.reason}` };
  return { points: 40_000, reason: `runs on ${[choice.backend, choice.version ?? []].flat().join(' ')}` };
}

/** The estimate of the backend, with the options of the model; else one by the size of its files. */
function memory(bytes: number | undefined, estimate: MemoryEstimate | undefined, { totalBytes }: Machine): Point {
  if (estimate !== undefined) {
    const { hostBytes, mappedBytes = 0, deviceBytes, contextLength } = estimate;
    const devices = Object.values(deviceBytes).reduce((sum, one) => sum + one, 0);
    const onHost = hostBytes + mappedBytes;
    return memoryPoint(onHost <= totalBytes, onHost + devices, totalBytes, contextLength);
  }
  if (bytes === undefined) return { points: 10_000, reason: undefined };
  const needed = unknownNeedOf(bytes);
  return memoryPoint(needed <= totalBytes, needed, totalBytes);
}

function memoryPoint(fits: boolean, needed: number, total: number, contextLength?: number): Point {
  const context = contextLength === undefined ? '' : ` with ${contextLength} tokens of context`;
  const about = `about ${showSize(needed)} of ${showSize(total)}${context}`;
  return { points: fits ? 20_000 : 0, reason: `${fits ? 'fits in memory' : 'does not fit in memory'}: ${about}` };
}

/** Whether a model is meant for what was asked; any model is, when no purpose was. */
export function isMeant(record: ModelRecord, situation: Situation): boolean {
  const { aiModel, useCase, category } = situation.wanted;
  return (aiModel ?? useCase ?? category) === undefined || purposesOf(record, record.model, situation).length > 0;
}

/** How directly a model is meant for what was asked: the best reason counts, the others are listed too. */
function purposesOf(
  { entry }: ModelRecord,
  model: Model,
  { wanted, defaultModel, useCaseMembers, categoryMembers }: Situation,
): readonly Point[] {
  const names = [model.name, ...model.aliases];
  const { aiModel, useCase, category } = wanted;
  const steps: Point[] = [];
  if (aiModel !== undefined && names.includes(aiModel))
    steps.push({ points: 5_000, reason: 'is the model that was named' });
  if (defaultModel !== undefined && names.includes(defaultModel))
    steps.push({ points: 4_000, reason: `is the default for "${useCase!}"` });
  if (useCase !== undefined && entry.use_cases?.includes(useCase) === true)
    steps.push({ points: 3_000, reason: `is meant for "${useCase}"` });
  if (names.some((name) => useCaseMembers.has(name)))
    steps.push({ points: 2_000, reason: `is in the category "${useCase!}"` });
  if (category !== useCase && names.some((name) => categoryMembers.has(name)))
    steps.push({ points: 1_000, reason: `is in the category "${category!}"` });
  return steps.map(({ points, reason }, index) => ({ points: index === 0 ? points : points / 100, reason }));
}

/** An embedding model is not suggested for a request without a purpose. */
function notForChat({ metadata }: Model): readonly Point[] {
  return metadata?.pooling === undefined
    ? []
    : [{ points: -500, reason: `makes ${metadata.pooling === 'rank' ? 'rankings' : 'embeddings'}, no text` }];
}

/** Of equals, the model itself comes before its presets. */
function preset({ of }: Model): Point {
  return of === undefined ? { points: 0, reason: undefined } : { points: -1, reason: `is answered by "${of}"` };
}

function context({ metadata }: Model): Point {
  const length = metadata?.contextLength;
  return length === undefined
    ? { points: 0, reason: undefined }
    : { points: Math.min(90, Math.log2(1 + length / 512) * 8), reason: `a context of ${length} tokens` };
}
