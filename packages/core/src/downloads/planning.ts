// Turns a download request into a plan: sources resolve it, hooks may change it, and the result is validated.
import { join, resolve } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import type { Config } from '../contract/config.js';
import { expandModelPath } from '../kernel/written-path.js';
import { reasonOf } from '../kernel/reason.js';
import type { Json } from '../contract/schema.js';
import type { DownloadRequest } from '../contract/downloads.js';
import type { Models } from '../contract/models.js';
import type { DownloadPlan, Source, SourceContext } from '../contract/source.js';
import { check, describeProblems } from '../kernel/check.js';
import type { Hooks } from '../kernel/hooks.js';
import { withTimeout } from '../kernel/abort.js';
import { formatOf, isSafeName, isWithin, nameOfPlan } from './layout.js';
import { isSafePath } from '../kernel/safe-path.js';
import type { SourceRegistry } from './source-registry.js';

const resolveTimeoutMs = 120_000;
/** More files are never one model. */
const maxFiles = 10_000;

const planSchema = {
  type: 'object',
  properties: {
    source: { type: 'string' },
    revision: { type: 'string' },
    name: { type: 'string', minLength: 1 },
    model: { type: 'object' },
    files: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        properties: {
          path: { type: 'string', minLength: 1 },
          bytes: { type: 'integer', minimum: 0 },
          sha256: { type: 'string', pattern: '^[0-9a-fA-F]{64}$' },
          from: {
            type: 'object',
            properties: {
              key: { type: 'string' },
              file: { type: 'string' },
              mode: { enum: ['copy', 'link', 'in-place'] },
            },
          },
        },
        required: ['path', 'from'],
      },
    },
  },
  required: ['source', 'model', 'files'],
} as const;

/** A plan and the name of its model. */
export interface PlannedDownload {
  readonly model: string;
  readonly plan: DownloadPlan;
}

/** Makes plans for requests. */
export class Planning {
  constructor(
    private readonly models: Models,
    private readonly sources: SourceRegistry,
    private readonly hooks: Hooks,
    private readonly config: Config,
  ) {}

  /** @throws LaminaError see `Downloads.start` */
  async plan(request: DownloadRequest, context: SourceContext): Promise<PlannedDownload> {
    if ('reference' in request && request.name !== undefined) this.checkName(request.name);
    const candidates = 'model' in request ? this.ofModel(request) : this.ofReference(request);
    const resolved = await this.firstOf(candidates, context);
    const { signal, log } = context;
    const plan = this.hooks.run.planDownload.isUsed()
      ? ((await this.hooks.run.planDownload.promise(resolved, { signal, log })) as DownloadPlan)
      : resolved;
    checkPlan(plan);
    if ('model' in request) return { model: this.models.resolve(request.model).model.name, plan };
    const model = request.name ?? nameOfPlan(plan);
    this.checkName(model);
    return { model, plan };
  }

  private checkName(name: string): void {
    const isReserved = reservedPaths(this.config).some((path) => isWithin(path, resolve(this.config.modelsDir, name)));
    if (isSafeName(name) && !isReserved) return;
    const message = `"${name}" is not allowed as a model name, because it is also used as a directory. Choose another "name".`;
    throw invalid(message, 'name');
  }

  private ofModel({ model: asked, source: only }: { model: string; source?: string }): readonly [Source, Json][] {
    const { model } = this.models.resolve(asked);
    const { path, download = {} } = this.models.get(model.name)?.entry ?? {};
    const { problem } = path === undefined ? {} : expandModelPath(path, this.config.env);
    if (problem !== undefined)
      throw new LaminaError('CONFLICT', { message: `The path of "${model.name}" ${problem}.` });
    const written = Object.entries(download) as [string, Json][];
    if (written.length === 0)
      throw invalid(
        `The manifest entry of "${model.name}" has no "download". Add a source and a reference to it, or send a reference.`,
        'model',
      );
    const names = written.map(([name]) => name);
    if (only !== undefined && !names.includes(only))
      throw invalid(
        `The manifest entry of "${model.name}" has no source "${only}". It has: ${names.join(', ')}.`,
        'source',
      );
    const known = written
      .filter(([name]) => only === undefined || name === only)
      .flatMap(([name, reference]): [Source, Json][] => {
        const source = this.sources.get(name);
        return source === undefined ? [] : [[source, reference]];
      });
    if (known.length > 0) return known;
    const message = `"${model.name}" cannot be downloaded from ${only ?? names.join(', ')}. Installed sources: ${this.names()}. Add the plugin of the source.`;
    throw new LaminaError('NOT_SUPPORTED', { message });
  }

  private ofReference({ reference, source: only }: { reference: Json; source?: string }): readonly [Source, Json][] {
    const sources = this.sources.list().filter(({ name }) => only === undefined || name === only);
    if (sources.length === 0)
      throw invalid(`There is no source "${only}". Installed sources: ${this.names()}.`, 'source');
    return sources.map((source) => [source, reference]);
  }

  /** The plan of the first source that has one. Otherwise throws the error of the first source that failed. */
  private async firstOf(candidates: readonly [Source, Json][], context: SourceContext): Promise<DownloadPlan> {
    let failure: LaminaError | undefined;
    for (const [source, reference] of candidates) {
      try {
        const plan = await resolveWith(source, reference, context);
        if (plan !== undefined) return { ...plan, source: source.name, reference: plan.reference ?? reference };
      } catch (error) {
        if (context.signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
        const failed = LaminaError.is(error)
          ? error
          : new LaminaError(
              'PLUGIN_FAILED',
              { plugin: source.name, hook: 'resolve', reason: reasonOf(error) },
              { cause: error },
            );
        context.log.warn({ source: source.name, reason: failed.message }, 'A source failed to resolve a reference');
        failure ??= failed;
      }
    }
    throw (
      failure ??
      invalid(
        `No source supports this reference (tried ${candidates.map(([{ name }]) => name).join(', ')}). Check the reference, or name the source.`,
        'reference',
      )
    );
  }

  private names(): string {
    return (
      this.sources
        .list()
        .map(({ name }) => name)
        .join(', ') || 'none'
    );
  }
}

/** Paths that Lamina uses itself: no model may be stored at or below them. */
function reservedPaths({ dataDir, modelsDir, manifest }: Config): readonly string[] {
  const file = typeof manifest === 'string' ? manifest : join(modelsDir, 'models.yaml');
  return [dataDir, file].map((path) => resolve(path));
}

async function resolveWith(source: Source, reference: Json, context: SourceContext): Promise<DownloadPlan | undefined> {
  const message = `The source ${source.name} did not resolve the reference within ${resolveTimeoutMs / 1000} s.`;
  const timeoutError = () => new LaminaError('TIMEOUT', { message });
  return withTimeout(context.signal, resolveTimeoutMs, timeoutError, (signal) =>
    source.resolve(reference, { ...context, signal }),
  );
}

/** @throws LaminaError `REQUEST_INVALID` for a request that names both or neither */
export function requireModelOrReference(request: DownloadRequest): void {
  const { model, reference } = request as { model?: unknown; reference?: unknown };
  if ((model === undefined) === (reference === undefined))
    throw new LaminaError('REQUEST_INVALID', {
      message: 'Send either "model" (a model of the manifest) or "reference" (what to download).',
    });
}

/** Whether a request is for something else than what a plan downloads. */
export function isOther(plan: DownloadPlan, request: DownloadRequest): boolean {
  if ('reference' in request) return JSON.stringify(plan.reference) !== JSON.stringify(request.reference);
  return request.source !== undefined && request.source !== plan.source;
}

function checkPlan(plan: DownloadPlan): void {
  const paths = (plan.files ?? []).map(({ path }) => path);
  if (paths.length > maxFiles) {
    const message = `The source ${plan.source} lists ${paths.length} files, too many for a model. Check the reference.`;
    throw new LaminaError('SOURCE_UNREACHABLE', { message });
  }
  const problems = check(planSchema, plan);
  const unsafe = paths.find((path) => typeof path === 'string' && !isSafePath(path));
  const seen = new Set<string>();
  const twice = paths.find((path) => seen.size === seen.add(path).size);
  const reasons = [
    ...(problems.length > 0 ? [describeProblems(problems)] : []),
    ...(unsafe === undefined ? [] : [`the path "${unsafe}" leads out of its directory`]),
    ...(twice === undefined ? [] : [`the path "${twice}" occurs twice`]),
  ];
  if (reasons.length > 0)
    throw new LaminaError('PLUGIN_FAILED', {
      plugin: plan.source,
      hook: 'resolve',
      reason: `its plan is not valid: ${reasons[0]}`,
    });
  const empty = plan.files.find(({ path, bytes }) => bytes === 0 && formatOf(path) !== undefined);
  if (empty === undefined) return;
  const message = `${empty.path} is empty at the source ${plan.source}: the upload is incomplete. Choose another file, or try again later.`;
  throw new LaminaError('SOURCE_UNREACHABLE', { message });
}

function invalid(message: string, param: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message, param });
}
