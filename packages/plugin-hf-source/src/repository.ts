// Reads a repository at one commit: its current name, whether it is gated, and its files with sizes and digests.
import { createRequire } from 'node:module';
import { isSafePath, LaminaError, type SourceContext } from '@lamina/core/plugin';
import { denied, unreachable } from './errors.js';
import type { Hub } from './hub.js';
import type { Reference } from './reference.js';

const require = createRequire(import.meta.url);

/** One file of a repository. */
export interface RepositoryFile {
  readonly path: string;
  readonly bytes: number;
  /** Known for files in large-file storage, so for all weights. */
  readonly sha256?: string;
}

/** A repository at one commit. */
export interface Repository {
  /** Its current name, which may differ from that of the reference. */
  readonly repo: string;
  /** The commit of all files. */
  readonly commit: string;
  readonly gated: boolean;
  readonly files: readonly RepositoryFile[];
}

/**
 * Reads a repository at the commit that its revision points to now.
 * @throws LaminaError `SOURCE_DENIED`, `SOURCE_UNREACHABLE`, `SOURCE_MODEL_NOT_FOUND`
 */
export async function readRepository(hub: Hub, reference: Reference, context: SourceContext): Promise<Repository> {
  const { repo, revision = 'main' } = reference;
  // Loaded at its first use, which few commands make. With `require`, which tries again after it failed for lack of
  // descriptors; Node remembers a failed import for good.
  const { listFiles, modelInfo } = require('@huggingface/hub') as typeof import('@huggingface/hub');
  try {
    const about = { hubUrl: hub.endpoint, fetch: hub.listingFetch({ repo, revision }, context) };
    const info = await modelInfo({ ...about, name: repo, revision, additionalFields: ['sha', 'disabled'] });
    if (!/^[0-9a-f]{40}$/.test(info.sha)) throw new Error('it names no commit');
    if (info.disabled)
      throw denied(`${info.name} is disabled on the Hub and cannot be downloaded. Choose another model.`);
    if (info.name !== repo)
      context.log.warn({ asked: repo, repo: info.name }, `${repo} was renamed to ${info.name}; use the new name`);
    const files: RepositoryFile[] = [];
    for await (const { type, path, size, lfs } of listFiles({
      ...about,
      repo: info.name,
      revision: info.sha,
      recursive: true,
    })) {
      // A path that would lead out of the directory of the model is skipped.
      if (type !== 'file' || !isSafePath(path)) continue;
      const file = { path, bytes: lfs?.size ?? size, ...(lfs === undefined ? {} : { sha256: lfs.oid }) };
      checkFile(file, repo);
      files.push(file);
    }
    return { repo: info.name, commit: info.sha, gated: info.gated !== false, files };
  } catch (error) {
    if (LaminaError.is(error)) throw error;
    if (context.signal.aborted) throw new LaminaError('ABORTED', {}, { cause: error });
    throw unreachable(
      `${hub.endpoint} sent an unexpected response for ${repo}. Check HF_ENDPOINT, or try again later.`,
      {},
      error,
    );
  }
}

/** @throws LaminaError `SOURCE_UNREACHABLE` for a size or a SHA-256 that is not one: the list comes from the network */
function checkFile({ path, bytes, sha256 }: RepositoryFile, repo: string): void {
  const isSize = Number.isSafeInteger(bytes) && bytes >= 0;
  if (isSize && (sha256 === undefined || /^[0-9a-f]{64}$/.test(sha256))) return;
  const problem = isSize ? 'a SHA-256 that is not one' : `the size ${String(bytes)}`;
  throw unreachable(`The file list of ${repo} is invalid: ${path} has ${problem}. Try again later.`);
}
