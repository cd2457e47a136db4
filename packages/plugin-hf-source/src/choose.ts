// Selects the files of one model in a repository.
import { directoryModel } from './directory-models.js';
import { notFound, unreachable } from './errors.js';
import { chooseGguf, ggufModels, isGguf, projectorFor, tagOf, type GgufModel } from './gguf-models.js';
import type { Reference } from './reference.js';
import type { Repository, RepositoryFile } from './repository.js';

/** The files of one model. */
export interface Choice {
  readonly format: 'gguf' | 'safetensors' | 'mlc';
  /** Weights first. */
  readonly files: readonly RepositoryFile[];
  /** The name of the model. */
  readonly name: string;
  readonly quantization?: string;
  readonly projector?: RepositoryFile;
}

/**
 * The model that the reference names.
 * @throws LaminaError `SOURCE_MODEL_NOT_FOUND` when the repository does not have it, `SOURCE_UNREACHABLE` when files of it
 * are missing
 */
export function chooseFiles(repository: Repository, reference: Reference): Choice {
  const below = reference.directory === undefined ? '' : `${reference.directory}/`;
  const files = repository.files.filter(({ path }) => path.startsWith(below));
  if (reference.filename !== undefined) return chooseNamed(repository, reference.filename);
  const models = ggufModels(files);
  if (models.length > 0) {
    const model = chooseGguf(models, reference.quant);
    if (model === undefined)
      throw notFound(
        `${repository.repo}:${reference.quant}`,
        `${repository.repo} does not have this quantization; it has ${listed(models.map(({ quant, stem }) => quant ?? stem))}.`,
      );
    return asGguf(repository, model);
  }
  return asDirectory(repository, files, reference);
}

function chooseNamed(repository: Repository, filename: string): Choice {
  const file = repository.files.find(({ path }) => path === filename);
  if (file === undefined)
    throw notFound(
      `${repository.repo}/${filename}`,
      `${repository.repo} has no file of that name; it has ${listed(models(repository.files))}.`,
    );
  if (/\.safetensors$/i.test(filename)) return asDirectory(repository, repository.files, { repo: repository.repo });
  const model = ggufModels(repository.files).find(({ files }) => files.includes(file));
  if (model !== undefined) return asGguf(repository, model);
  if (!isGguf(filename))
    throw notFound(
      `${repository.repo}/${filename}`,
      `That file is not a model. ${repository.repo} has ${listed(models(repository.files))}.`,
    );
  return { format: 'gguf', name: `${repository.repo}:${filename.replace(/\.gguf$/i, '')}`, files: [file] };
}

function asGguf(repository: Repository, model: GgufModel<RepositoryFile>): Choice {
  const { missing, quant } = model;
  if (missing.length > 0) {
    const numbers = `${missing.length === 1 ? 'number' : 'numbers'} ${listed(missing.map(String))} ${missing.length === 1 ? 'is' : 'are'}`;
    throw unreachable(
      `Of the ${model.files.length + missing.length} shards of ${model.stem} in ${repository.repo}, ${numbers} missing: the upload is incomplete. Choose another quantization, or try again later.`,
    );
  }
  const projector = projectorFor(repository.files, model);
  return {
    format: 'gguf',
    name: `${repository.repo}:${tagOf(model, ggufModels(repository.files))}`,
    files: model.files,
    ...(quant === undefined ? {} : { quantization: quant }),
    ...(projector === undefined ? {} : { projector }),
  };
}

function asDirectory(
  repository: Repository,
  files: readonly RepositoryFile[],
  { quant, directory }: Reference,
): Choice {
  const found = directory === undefined ? directoryModel(files) : undefined;
  if (found === undefined)
    throw notFound(
      repository.repo,
      `That repository${directory === undefined ? '' : `'s directory ${directory}`} contains no model that Lamina supports (*.gguf, config.json with *.safetensors, or mlc-chat-config.json).`,
    );
  if (quant !== undefined)
    throw notFound(
      `${repository.repo}:${quant}`,
      `${repository.repo} is a ${found.format} repository without different quantizations; leave out ":${quant}".`,
    );
  if (found.missing.length > 0)
    throw unreachable(`${repository.repo} lacks ${listed(found.missing)}: the upload is incomplete. Try again later.`);
  return { format: found.format, name: repository.repo, files: found.files };
}

function models(files: readonly RepositoryFile[]): readonly string[] {
  return files.map(({ path }) => path).filter((path) => /\.(gguf|safetensors)$/i.test(path));
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'no model files';
  return `${names.slice(0, 12).join(', ')}${names.length > 12 ? `, and ${names.length - 12} more` : ''}`;
}
