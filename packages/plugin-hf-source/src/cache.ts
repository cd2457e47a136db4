// Models in the cache of the Hugging Face tools (llama.cpp's `-hf` keeps its downloads there too), used where they are.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context, Model, ModelFile } from '@lamina/core/plugin';
import { directoryModel } from './directory-models.js';
import { ggufModels, projectorFor, tagOf } from './gguf-models.js';

/** A file of a snapshot whose bytes are there. */
interface CachedFile {
  /** Relative to the snapshot. */
  readonly path: string;
  readonly bytes: number;
}

const deepest = 4;

/**
 * Every complete model of the cache: `org/name:Q4_K_M` for GGUF, `org/name` for a directory. Paths are those of the
 * snapshot, whose names say format and shard; the blobs behind them have none. Of several commits the one `main` stands
 * for comes first.
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
        'The Hugging Face cache cannot be read; its models are not offered',
      );
    return [];
  }
}

/** The snapshot of `main` first, then the others, the latest first. */
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

/** Links are followed; one whose blob is not there, or not finished, is no file. */
async function filesOf(snapshot: string, below: string, depth: number): Promise<readonly CachedFile[]> {
  const files: CachedFile[] = [];
  const entries = await readdir(join(snapshot, below), { withFileTypes: true }).catch(() => []);
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (depth < deepest) files.push(...(await filesOf(snapshot, path, depth + 1)));
      continue;
    }
    const there = await stat(join(snapshot, path)).catch(() => undefined);
    if (there?.isFile() === true && there.size > 0) files.push({ path, bytes: there.size });
  }
  return files;
}

function modelsOf(repo: string, snapshot: string, files: readonly CachedFile[]): readonly Model[] {
  const whole = ggufModels(files).filter(({ missing }) => missing.length === 0);
  const models = whole.map((model) => {
    const projector = projectorFor(files, model);
    const parts = [
      ...model.files.map(asFile('weights', snapshot)),
      ...(projector === undefined ? [] : [asFile('projector', snapshot)(projector)]),
    ];
    return adopted(`${repo}:${tagOf(model, whole)}`, 'gguf', parts);
  });
  const directory = directoryModel(files);
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
