// Turns a download request into a plan: sources resolve it, hooks may change it, and the result is validated.
import { resolve } from 'node:path';
import { LaminaError } from '../contract/errors.js';
import { reasonOf } from '../kernel/reason.js';
import type { Json } from '../contract/schema.js';
import type { DownloadRequest } from '../contract/downloads.js';
import type { Models } from '../contract/models.js';
import type { DownloadPlan, Source, SourceContext } from '../contract/source.js';
import { check, describeProblems } from '../kernel/check.js';
import type { Hooks } from '../kernel/hooks.js';
import { withTimeout } from '../kernel/abort.js';
import { isSafeName, isSafePath, isWithin, nameOfPlan } from './layout.js';
import type { SourceRegistry } from './source-registry.js';

const resolveTimeoutMs = 120_000;

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
    private readonly modelsDir: string,
    /** Absolute paths that no model may be stored at or below. */
    private readonly reserved: readonly string[],
  ) {}

  /** @throws LaminaError see `Downloads.start` */
  async plan(request: DownloadRequest, context: SourceContext): Promise<PlannedDownload> {
    const candidates = 'model' in request ? this.ofModel(request) : this.ofReference(request);
    const resolved = await this.firstOf(candidates, context);
    const { signal, log } = context;
    const plan = this.hooks.run.planDownload.isUsed()
      ? ((await this.hooks.run.planDownload.promise(resolved, { signal, log })) as DownloadPlan)
      : resolved;
    checkPlan(plan);
    const model =
      'model' in request ? this.models.resolve(request.model).model.name : (request.name ?? nameOfPlan(plan));
    if (!('model' in request)) this.checkName(model);
    return { model, plan };
  }

  private checkName(name: string): void {
    const isReserved = this.reserved.some((path) => isWithin(path, resolve(this.modelsDir, name)));
    if (isSafeName(name) && !isReserved) return;
    const message = `"${name}" is not allowed as a model name, because it is also used as a directory. Choose another "name".`;
    throw new LaminaError('REQUEST_INVALID', { message, param: 'name' });
  }

  private ofModel({ model: asked, source: only }: { model: string; source?: string }): readonly [Source, Json][] {
    const { model } = this.models.resolve(asked);
    const written = Object.entries(this.models.get(model.name)?.entry.download ?? {}) as [string, Json][];
    if (written.length === 0)
      throw new LaminaError('REQUEST_INVALID', {
        message: `The manifest entry of "${model.name}" has no "download". Add a source and a reference to it, or send a reference.`,
        param: 'model',
      });
    const known = written
      .filter(([name]) => only === undefined || name === only)
      .flatMap(([name, reference]): [Source, Json][] => {
        const source = this.sources.get(name);
        return source === undefined ? [] : [[source, reference]];
      });
    if (known.length === 0) {
      const wanted = only ?? written.map(([name]) => name).join(', ');
      const message = `"${model.name}" cannot be downloaded from ${wanted}. Installed sources: ${this.names()}. Add the plugin of the source.`;
      throw new LaminaError('NOT_SUPPORTED', { message });
    }
    return known;
  }

  private ofReference({ reference, source: only }: { reference: Json; source?: string }): readonly [Source, Json][] {
    const sources = this.sources.list().filter(({ name }) => only === undefined || name === only);
    if (sources.length === 0)
      throw new LaminaError('NOT_SUPPORTED', {
        message: `There is no source "${only}". Installed sources: ${this.names()}.`,
      });
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
      new LaminaError('NOT_SUPPORTED', {
        message: `No source supports this reference (tried ${candidates.map(([{ name }]) => name).join(', ')}). Check the reference, or name the source.`,
      })
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

async function resolveWith(source: Source, reference: Json, context: SourceContext): Promise<DownloadPlan | undefined> {
  const message = `The source ${source.name} did not resolve the reference within ${resolveTimeoutMs / 1000} s.`;
  const timeoutError = () => new LaminaError('TIMEOUT', { message });
  return withTimeout(context.signal, resolveTimeoutMs, timeoutError, (signal) =>
    source.resolve(reference, { ...context, signal }),
  );
}

function checkPlan(plan: DownloadPlan): void {
  const paths = (plan.files ?? []).map(({ path }) => path);
  const problems = check(planSchema, plan);
  const unsafe = paths.find((path) => typeof path === 'string' && !isSafePath(path));
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
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
}
