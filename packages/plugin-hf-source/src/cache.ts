// Finds models in the cache of the Hugging Face tools, which llama.cpp's `-hf` uses too, so that they are used in place.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Model, ModelFile } from '@lamina/core/plugin';
import { directoryModel } from './directory-models.js';
import { ggufModels, projectorFor, tagOf } from './gguf-models.js';

/** A complete file of a snapshot. */
interface CachedFile {
  /** Relative to the snapshot. */
  readonly path: string;
  readonly bytes: number;
}

const maxDepth = 4;

/**
 * Yields every complete model of the cache: `org/name:Q4_K_M` for GGUF, `org/name` for a directory. Paths point into
 * the snapshot, because the names there show format and shard; the blobs they link to are named by hash. When several
 * commits have a model, that of the branch `main` is used.
 */
export async function* adoptCache(cacheDir: string, context: Context): AsyncIterable<Model> {
  for (const name of await namesIn(cacheDir, context)) {
    const [, owned] = /^models--(.+)$/.exec(name) ?? [];
    if (owned === undefined) continue;
    const seen = new Set<string>();
    for (const snapshot of await snapshotsOf(join(cacheDir, name))) {
      context.signal.throwIfAborted();
      for (const model of modelsOf(owned.replace('--', '/'), snapshot, await filesOf(snapshot, '', 0))) {
        if (!seen.has(model.name)) yield model;
        seen.add(model.name);
      }
    }
  }
}

async function namesIn(cacheDir: string, { log }: Context): Promise<readonly string[]> {
  try {
    return (await readdir(cacheDir)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTDIR')
      log.warn(
        { cache_dir: cacheDir, reason: code },
        'Failed to read the Hugging Face cache; its models are not listed',
      );
    return [];
  }
}

/** The snapshot of `main`, then the others, the newest first. */
async function snapshotsOf(directory: string): Promise<readonly string[]> {
  const main = (await readFile(join(directory, 'refs', 'main'), 'utf8').catch(() => '')).trim();
  const commits = await readdir(join(directory, 'snapshots')).catch(() => []);
  const dated = await Promise.all(
    commits.map(async (commit) => ({
      commit,
      at: await stat(join(directory, 'snapshots', commit)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    })),
  );
  dated.sort(
    (a, b) => Number(b.commit === main) - Number(a.commit === main) || b.at - a.at || (a.commit < b.commit ? -1 : 1),
  );
  return dated.map(({ commit }) => join(directory, 'snapshots', commit));
}

/** Follows links. Links whose blob is missing or incomplete are left out. */
async function filesOf(snapshot: string, below: string, depth: number): Promise<readonly CachedFile[]> {
  const files: CachedFile[] = [];
  const entries = await readdir(join(snapshot, below), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth < maxDepth) files.push(...(await filesOf(snapshot, path, depth + 1)));
      continue;
    }
    const stats = await stat(join(snapshot, path)).catch(() => undefined);
    if (stats?.isFile() === true && stats.size > 0) files.push({ path, bytes: stats.size });
  }
  return files;
}

function modelsOf(repo: string, snapshot: string, cached: readonly CachedFile[]): readonly Model[] {
  const complete = ggufModels(cached).filter(({ missing }) => missing.length === 0);
  const models = complete.map((model) => {
    const projector = projectorFor(cached, model);
    const files = [
      ...model.files.map(asFile('weights', snapshot)),
      ...(projector === undefined ? [] : [asFile('projector', snapshot)(projector)]),
    ];
    return adopted(`${repo}:${tagOf(model, complete)}`, 'gguf', files);
  });
  const directory = directoryModel(cached);
  if (directory === undefined || directory.missing.length > 0) return models;
  const bytes = directory.files.reduce((sum, file) => sum + file.bytes, 0);
  return [...models, adopted(repo, directory.format, [{ role: 'weights', path: snapshot, bytes }])];
}

function asFile(role: ModelFile['role'], snapshot: string): (file: CachedFile) => ModelFile {
  return ({ path, bytes }) => ({ role, path: join(snapshot, path), bytes });
}

function adopted(name: string, format: string, files: readonly ModelFile[]): Model {
  return { name, files, format, aliases: [], options: {}, pinned: false, limits: {}, from: 'adopted' };
}
