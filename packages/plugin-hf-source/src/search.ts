// Searches the Hub for repositories with GGUF models, the most downloaded first.
import { createRequire } from 'node:module';
import { LaminaError, type FoundModel, type SearchQuery, type SourceContext } from '@lamina/core/plugin';
import { unreachable } from './errors.js';
import { ggufModels } from './gguf-models.js';
import type { Hub } from './hub.js';
import { isRepository } from './reference.js';

const require = createRequire(import.meta.url);
/** How many more models to list than are wanted, because some are left out. */
const spare = 10;

/**
 * Models of the Hub that can be downloaded. Repositories without a model, such as those with projectors only, are left out.
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`
 */
export async function searchHub(
  hub: Hub,
  { text, limit }: SearchQuery,
  context: SourceContext,
): Promise<readonly FoundModel[]> {
  const { listModels } = require('@huggingface/hub') as typeof import('@huggingface/hub');
  const found: FoundModel[] = [];
  try {
    const listed = listModels({
      hubUrl: hub.endpoint,
      fetch: hub.listingFetch({ repo: '', search: text }, context),
      search: { query: text, tags: ['gguf'] },
      sort: 'downloads',
      limit: limit + spare,
      additionalFields: ['disabled', 'filePaths'],
    });
    for await (const { name, task, downloads, likes, updatedAt, gated, disabled, filePaths } of listed) {
      const hasModel = ggufModels(filePaths.map((path) => ({ path }))).length > 0;
      if (!isRepository(name) || disabled === true || !hasModel) continue;
      found.push({
        reference: `hf:${name}`,
        ...(typeof task === 'string' ? { description: task.replaceAll('-', ' ') } : {}),
        ...(isCount(downloads) ? { downloads } : {}),
        ...(isCount(likes) ? { likes } : {}),
        ...(Number.isNaN(updatedAt.getTime()) ? {} : { updatedAt: updatedAt.toISOString() }),
        formats: ['gguf'],
        gated: gated === 'auto' || gated === 'manual',
      });
      if (found.length === limit) break;
    }
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    if (context.signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
    throw unreachable(
      `${hub.endpoint} sent an unexpected response to the search. Check HF_ENDPOINT, or try again later.`,
      {},
      error,
    );
  }
  return found;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
