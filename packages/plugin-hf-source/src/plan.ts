// Makes the plan of a download: files with sizes, digests and keys, and the manifest entry of the model.
import type { DownloadPlan, Json, ModelEntry, PlanFile } from '@lamina/core/plugin';
import type { Choice } from './choose.js';
import { sourceName } from './settings.js';
import type { Repository, RepositoryFile } from './repository.js';

/** GGUF files are stored side by side, whatever directories the repository has; a model directory keeps its structure. */
export function makePlan(reference: Json, repository: Repository, choice: Choice): DownloadPlan {
  const { format, name, quantization, projector } = choice;
  const pathOf = ({ path }: RepositoryFile) => (format === 'gguf' ? path.slice(path.lastIndexOf('/') + 1) : path);
  const files = [...choice.files, ...(projector === undefined ? [] : [projector])].map((file): PlanFile => ({
    path: pathOf(file),
    bytes: file.bytes,
    ...(file.sha256 === undefined ? {} : { sha256: file.sha256 }),
    from: { key: keyOf(repository, file) },
  }));
  const model: Partial<ModelEntry> = {
    ...(format === 'gguf' ? { path: files[0]!.path } : { format }),
    ...(quantization === undefined ? {} : { quantization }),
    ...(projector === undefined ? {} : { projector: pathOf(projector) }),
  };
  return { source: sourceName, reference, revision: repository.commit, name, model, files };
}

/** Without host and token, so that a download from a mirror can be resumed from the Hub. */
function keyOf({ repo, commit }: Repository, { path }: RepositoryFile): string {
  return `${repo}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}
