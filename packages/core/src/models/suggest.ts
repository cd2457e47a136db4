// Suggests a model: scores all models, reads the headers of the best, and runs the hook suggestModel.
import { LaminaError } from '../contract/errors.js';
import type { Requirements, SuggestCandidate } from '../contract/hooks.js';
import type { Logger } from '../contract/context.js';
import type { Backends } from '../contract/backends.js';
import type { ModelRecord, Models } from '../contract/models.js';
import { suggestRequestSchema } from '../contract/requests.js';
import type { Runtime } from '../contract/runtime.js';
import type { SuggestedModel, Suggestion, Suggestions, SuggestRequest } from '../contract/suggestions.js';
import { check, describeProblems } from '../kernel/check.js';
import type { Hooks } from '../kernel/hooks.js';
import { parseSize, showSize } from '../kernel/sizes.js';
import { isMeant, judge, sizeOf, type Situation } from './suggest-rank.js';

/** Headers are read, and taps get, at most so many candidates. */
const mostCandidates = 30;
const alternatives = 10;

/** `lamina.suggestions`. */
export class Suggester implements Suggestions {
  constructor(
    private readonly models: Models,
    private readonly backends: Backends,
    private readonly runtime: Pick<Runtime, 'machine'>,
    private readonly hooks: Hooks,
    private readonly log: Logger,
  ) {}

  async suggest(request: SuggestRequest, options: { signal?: AbortSignal } = {}): Promise<Suggestion> {
    const signal = options.signal ?? new AbortController().signal;
    const wanted = requirementsOf(request);
    const situation = this.situation(wanted);
    const ranked = await this.rank(situation, signal);
    const asked = this.hooks.run.suggestModel.isUsed()
      ? await this.hooks.run.suggestModel.promise(ranked, wanted, { signal, log: this.log })
      : ranked;
    const all = asked.flatMap((candidate) => this.suggested(candidate) ?? []);
    const unusable = new Set(ranked.filter(({ available }) => !available).map(({ model }) => model.name));
    const isUsable = ({ record }: SuggestedModel) => record.available && !unusable.has(record.model.name);
    const best = all.find(isUsable);
    if (best === undefined) throw noSuggestion(wanted, all);
    const others = all.filter((one) => one !== best);
    const here = others.filter(isUsable);
    return {
      suggested: best,
      matched: isMeant(best.record, situation),
      alternatives: [...here, ...others.filter((one) => !here.includes(one))].slice(0, alternatives),
    };
  }

  private async rank(situation: Situation, signal: AbortSignal): Promise<readonly SuggestCandidate[]> {
    const choose = this.backends.chooser({ signal });
    const { maxBytes } = situation.wanted;
    const fitting = this.models
      .list()
      .map((record) => this.withFiles(record))
      .filter((record) => maxBytes === undefined || (sizeOf(record) ?? Infinity) <= maxBytes);
    const rough = await Promise.all(
      fitting.map(async (record) => ({
        record,
        ...judge(record, record.model, await choose(record.model), situation),
      })),
    );
    const looked = best(rough).map(({ record }) => record);
    const broken = await this.broken(looked, signal);
    const close = looked.map(async (record): Promise<SuggestCandidate> => {
      const { model, available } = record;
      const problem = broken.get(model.name);
      if (problem !== undefined)
        return { model, available: false, score: 0, reasons: [`on disk, but it cannot be used: ${problem}`] };
      // With its metadata; it may have been removed meanwhile.
      const described = available ? await this.models.describe(model.name).catch(() => model) : model;
      return { model: described, available, ...judge(record, described, await choose(described), situation) };
    });
    return best(await Promise.all(close));
  }

  /** A record with the files that its requests use. */
  private withFiles(record: ModelRecord): ModelRecord {
    const { model } = record;
    if (model.of === undefined || !record.available) return record;
    return { ...record, model: { ...model, files: this.models.resolve(model.name).answering.files } };
  }

  /** What is wrong with files on disk, by model. */
  private async broken(records: readonly ModelRecord[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const names = records.map(({ model }) => model.name).filter((name) => this.models.get(name)?.available === true);
    const checks = await this.models.validate(names, { signal });
    return new Map(
      checks.flatMap(({ name, problems: [problem] }) => (problem === undefined ? [] : [[name, problem.message]])),
    );
  }

  private situation(wanted: Requirements): Situation {
    const { categories, defaults } = this.models.manifest;
    const members = (name: string | undefined) =>
      new Set(name !== undefined && Object.hasOwn(categories, name) ? categories[name] : []);
    const { useCase, category } = wanted;
    return {
      wanted,
      defaultModel: useCase !== undefined && Object.hasOwn(defaults, useCase) ? defaults[useCase] : undefined,
      useCaseMembers: members(useCase),
      categoryMembers: members(category),
      machine: this.runtime.machine(),
    };
  }

  /** A candidate in the answer; models that do not exist are left out. */
  private suggested({ model, score, reasons }: SuggestCandidate): SuggestedModel | undefined {
    const record = this.models.get(model.name);
    if (record === undefined) return undefined;
    const command = commandFor(record);
    return { record, score, reasons, ...(command === undefined ? {} : { command }) };
  }
}

/** @throws LaminaError `REQUEST_INVALID` */
function requirementsOf(request: SuggestRequest): Requirements {
  const problems = check(suggestRequestSchema, request);
  if (problems.length > 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: `${describeProblems(problems)}.`,
      param: problems[0]!.path[0],
    });
  const { ai_model: aiModel, use_case: useCase, category, max_size: maxSize } = withoutNulls(request);
  const maxBytes = maxSize === undefined ? undefined : parseSize(maxSize);
  if (maxSize !== undefined && maxBytes === undefined)
    throw new LaminaError('REQUEST_INVALID', {
      message: `max_size is ${JSON.stringify(maxSize)}; write bytes, or text such as "4GB".`,
      param: 'max_size',
    });
  return {
    ...(aiModel === undefined ? {} : { aiModel }),
    ...(useCase === undefined ? {} : { useCase }),
    ...(category === undefined ? {} : { category }),
    ...(maxBytes === undefined ? {} : { maxBytes }),
  };
}

/** The request without keys that are `null`. */
function withoutNulls(request: SuggestRequest): {
  readonly [Key in keyof SuggestRequest]?: NonNullable<SuggestRequest[Key]>;
} {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== null));
}

/** The highest scores first, by name where they are equal. */
function best<Candidate extends { readonly score: number }>(candidates: readonly Candidate[]): readonly Candidate[] {
  return candidates.toSorted((a, b) => b.score - a.score).slice(0, mostCandidates);
}

/** How to download a model that is not on disk. */
function commandFor({ model, entry, available }: ModelRecord): string | undefined {
  const source = Object.keys(entry.download ?? {})[0];
  if (available || source === undefined) return undefined;
  const name = /^[\w./:@-]+$/.test(model.name) ? model.name : `'${model.name.replaceAll("'", "'\\''")}'`;
  return `lamina pull ${name} --source ${source}`;
}

function noSuggestion(wanted: Requirements, all: readonly SuggestedModel[]): LaminaError {
  const { aiModel, useCase, category, maxBytes } = wanted;
  const asked = [
    aiModel && `the model "${aiModel}"`,
    useCase && `the use case "${useCase}"`,
    category && `the category "${category}"`,
    maxBytes !== undefined && `at most ${showSize(maxBytes)}`,
  ].filter((part) => typeof part === 'string' && part !== '');
  const commands = all.flatMap(({ command }) => command ?? []);
  const get = commands.length === 0 ? '' : `; get one with: ${commands.slice(0, 3).join(' · ')}`;
  return new LaminaError('NO_SUGGESTION', {
    reason: `no model on disk fits${asked.length === 0 ? '' : ` (asked for: ${asked.join(', ')})`}${get}`,
    alternatives: all
      .slice(0, alternatives)
      .map(({ record, reasons, command }) => ({ model: record.model.name, reasons, command })),
  });
}
