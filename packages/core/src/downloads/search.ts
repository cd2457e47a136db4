// Searches sources for models: all at the same time, each with a time limit. What they return comes from the network.
import { LaminaError } from '../contract/errors.js';
import type { SearchOptions, SearchResult } from '../contract/downloads.js';
import type { FoundModel, SearchQuery, Source, SourceContext } from '../contract/source.js';
import { abortError, withTimeout } from '../kernel/abort.js';
import { check, describeProblems } from '../kernel/check.js';
import { reasonOf } from '../kernel/reason.js';
import type { SourceRegistry } from './source-registry.js';

/** A source that can be searched. */
type SearchableSource = Source & Required<Pick<Source, 'search'>>;

const timeoutMs = 20_000;
const maxTextLength = 200;
const maxLimit = 100;
const defaultLimit = 20;
const maxDescriptionLength = 200;

const count = { type: 'integer', minimum: 0 } as const;
const foundSchema = {
  type: 'array',
  items: {
    type: 'object',
    properties: {
      // Nothing that a shell would expand, and nothing that a command would take for an option.
      reference: { type: 'string', maxLength: 300, pattern: '^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$' },
      description: { type: 'string' },
      downloads: count,
      likes: count,
      updatedAt: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' },
      formats: { type: 'array', maxItems: 20, items: { type: 'string', pattern: '^[a-z0-9_-]{1,40}$' } },
      bytes: count,
      gated: { type: 'boolean' },
    },
    required: ['reference'],
  },
} as const;

/**
 * Searches the sources that can, or the one that is named.
 * @throws LaminaError see `Downloads.search`
 */
export async function searchSources(
  registry: SourceRegistry,
  text: string,
  { source, limit = defaultLimit }: Pick<SearchOptions, 'source' | 'limit'>,
  context: SourceContext,
): Promise<SearchResult> {
  const query = { text: text.trim(), limit };
  checkQuery(query);
  const sources = searchable(registry, source);
  const answers = await Promise.allSettled(sources.map((one) => searchOne(one, query, context)));
  if (context.signal.aborted) throw abortError(context.signal);
  const failures = answers.flatMap((answer, index) =>
    answer.status === 'rejected' ? [{ source: sources[index]!.name, error: answer.reason as LaminaError }] : [],
  );
  if (failures.length === sources.length) throw failures[0]!.error;
  return {
    models: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    failed: failures.map(({ source, error }) => ({ source, error: error.toWire() })),
  };
}

function checkQuery({ text, limit }: SearchQuery): void {
  if (text === '' || text.length > maxTextLength)
    throw invalid(`The text to search for must have 1 to ${maxTextLength} characters.`, 'q');
  if (!Number.isInteger(limit) || limit < 1 || limit > maxLimit)
    throw invalid(`"limit" must be a whole number from 1 to ${maxLimit}.`, 'limit');
}

function searchable(registry: SourceRegistry, only: string | undefined): readonly SearchableSource[] {
  const installed = registry.list();
  const able = installed.filter(canSearch);
  const names = able.map(({ name }) => name).join(', ');
  const hint =
    names === ''
      ? 'Add the plugin of one that can, such as @lamina/plugin-hf-source.'
      : `Sources that can be searched: ${names}.`;
  if (only !== undefined && registry.get(only) === undefined)
    throw invalid(`There is no source "${only}". ${hint}`, 'source');
  const chosen = able.filter(({ name }) => only === undefined || name === only);
  if (chosen.length > 0) return chosen;
  const problem =
    only === undefined ? 'No installed source can be searched' : `The source "${only}" cannot be searched`;
  throw new LaminaError('NOT_SUPPORTED', { message: `${problem}. ${hint}` });
}

function canSearch(source: Source): source is SearchableSource {
  return source.search !== undefined;
}

/** The results of one source. Unless the search is aborted, it throws LaminaErrors only. */
async function searchOne(
  source: SearchableSource,
  query: SearchQuery,
  context: SourceContext,
): Promise<SearchResult['models']> {
  const message = `The source ${source.name} did not answer the search within ${timeoutMs / 1000} s. Try again later.`;
  const timeoutError = () => new LaminaError('TIMEOUT', { message });
  try {
    const found = await withTimeout(context.signal, timeoutMs, timeoutError, (signal) =>
      source.search(query, { ...context, signal }),
    );
    const problems = check(foundSchema, found);
    if (problems.length > 0) throw new Error(`its results are not valid: ${describeProblems(problems.slice(0, 1))}`);
    return found.slice(0, query.limit).map((model) => ({ source: source.name, ...cleaned(model) }));
  } catch (error) {
    if (context.signal.aborted) throw error;
    const failed = LaminaError.is(error)
      ? error
      : new LaminaError(
          'PLUGIN_FAILED',
          { plugin: source.name, hook: 'search', reason: reasonOf(error) },
          { cause: error },
        );
    context.log.warn({ source: source.name, reason: failed.message }, 'A source could not be searched');
    throw failed;
  }
}

/** Only the known members, and a description of one short line. */
function cleaned({
  reference,
  description,
  downloads,
  likes,
  updatedAt,
  formats,
  bytes,
  gated,
}: FoundModel): FoundModel {
  const line = description
    ?.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, maxDescriptionLength);
  return {
    reference,
    ...(line === undefined || line === '' ? {} : { description: line }),
    ...(downloads === undefined ? {} : { downloads }),
    ...(likes === undefined ? {} : { likes }),
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(formats === undefined ? {} : { formats }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(gated === undefined ? {} : { gated }),
  };
}

function invalid(message: string, param: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message, param });
}
