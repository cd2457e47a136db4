// The source `local`: a file or directory on this machine, copied, linked, or used in place.
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LaminaError } from '../../contract/errors.js';
import type { Json } from '../../contract/schema.js';
import type { DownloadPlan, PlanFile, Source } from '../../contract/source.js';
import { check, describeProblems } from '../../kernel/check.js';
import { reasonOf } from '../../kernel/reason.js';

const maxFiles = 10_000;

const referenceSchema = {
  type: 'object',
  properties: {
    path: { type: 'string', minLength: 1 },
    mode: { enum: ['copy', 'link', 'in-place'] },
    sha256: { type: 'string', pattern: '^[0-9a-fA-F]{64}$' },
  },
  required: ['path'],
  additionalProperties: false,
} as const;

interface LocalReference {
  readonly path: string;
  readonly mode?: 'copy' | 'link' | 'in-place';
  readonly sha256?: string;
}

/**
 * A reference is an absolute path, a path that begins with `./` or `../` (relative to the models directory), a `file:`
 * URL, or `{ path, mode?, sha256? }`. `mode` is `copy` (default; takes no space where the file system can clone),
 * `link` or `in-place`. One shard of a model stands for all of them. Requests from the network are refused.
 */
export function localSource(modelsDir: string): Source {
  return {
    name: 'local',
    async resolve(reference, { remote = false }) {
      const wanted = parseReference(reference, modelsDir);
      if (wanted === undefined) return undefined;
      if (remote)
        throw new LaminaError('FORBIDDEN', {
          message:
            'A request from the network cannot name files of this machine. Write the path into the manifest, under download: local:.',
          param: 'reference',
        });
      return planOf(wanted, reference);
    },
    locate(file) {
      return Promise.reject(new LaminaError('INTERNAL', {}, { cause: new Error(`${file.path} is not downloaded`) }));
    },
  };
}

function parseReference(reference: Json, modelsDir: string): LocalReference | undefined {
  const wanted = typeof reference === 'string' ? { path: reference } : (reference as unknown as LocalReference);
  if (typeof wanted !== 'object' || wanted === null || typeof wanted.path !== 'string') return undefined;
  const isPath = isAbsolute(wanted.path) || /^(\.\.?[\\/]|file:\/\/)/.test(wanted.path);
  if (!isPath) return undefined;
  const problems = check(referenceSchema, wanted);
  if (problems.length > 0)
    throw new LaminaError('REQUEST_INVALID', {
      message: `The reference ${describeProblems(problems)}.`,
      param: 'reference',
    });
  return {
    ...wanted,
    path: wanted.path.startsWith('file://') ? pathOfUrl(wanted.path) : resolve(modelsDir, wanted.path),
  };
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    const message = `"${url}" is not the URL of a file on this machine: ${reasonOf(error)}.`;
    throw new LaminaError('REQUEST_INVALID', { message, param: 'reference' }, { cause: error });
  }
}

async function planOf({ path, mode = 'copy', sha256 }: LocalReference, reference: Json): Promise<DownloadPlan> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw missing(path, 'The path does not exist. Check the reference.');
  if (stats.isDirectory() && sha256 !== undefined)
    throw new LaminaError('REQUEST_INVALID', {
      message: `${path} is a directory and has no SHA-256.`,
      param: 'reference',
    });
  const from = stats.isDirectory() ? path : dirname(path);
  const paths = stats.isDirectory() ? await filesBelow(path) : withShards(path);
  if (paths.length === 0) throw missing(path, 'The directory contains no files.');
  const files = await Promise.all(
    paths.map(async (file): Promise<PlanFile> => ({
      path: relative(from, file).split(sep).join('/'),
      bytes: await sizeOf(file),
      ...(sha256 === undefined || file !== path ? {} : { sha256: sha256.toLowerCase() }),
      from: { file, mode },
    })),
  );
  const name = basename(path)
    .replace(/\.gguf$/i, '')
    .replace(/-\d{5}-of-\d{5}$/, '');
  return { source: 'local', reference, name, model: mode === 'in-place' ? { path } : {}, files };
}

async function sizeOf(file: string): Promise<number> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined)
    throw missing(file, 'The file is missing beside the others of the model, or cannot be read.');
  return stats.size;
}

function missing(reference: string, hint: string): LaminaError {
  return new LaminaError('SOURCE_MODEL_NOT_FOUND', { source: 'local', reference, hint });
}

/** The file and its other shards, in order. */
function withShards(path: string): readonly string[] {
  const [, prefix, count, suffix] = /^(.*-)\d{5}-of-(\d{5})(\..+)$/.exec(basename(path)) ?? [];
  if (prefix === undefined) return [path];
  return Array.from({ length: Number(count) }, (_, index) =>
    join(dirname(path), `${prefix}${String(index + 1).padStart(5, '0')}-of-${count}${suffix}`),
  );
}

async function filesBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/(^|[\\/])\./.test(relative(directory, file)))
    .sort();
  if (files.length > maxFiles)
    throw new LaminaError('REQUEST_INVALID', {
      message: `${directory} contains ${files.length} files, too many for a model.`,
      param: 'reference',
    });
  return files;
}
