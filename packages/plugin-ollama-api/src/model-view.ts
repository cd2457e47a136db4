// A model as Ollama's lists describe it.
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { ServedModel } from '@lamina/core/protocol';
import type { ModelMetadata, ModelRecord } from '@lamina/core/plugin';
import { ollamaCapabilities } from './capabilities.js';
import { shownName, type NamedModel } from './names.js';

/** The members that `/api/tags` and `/api/ps` share. */
export interface ModelView {
  readonly name: string;
  readonly model: string;
  readonly size: number;
  /** 64 hexadecimal digits, without a prefix: the command `ollama` cuts it. */
  readonly digest: string;
  readonly details: ModelDetails;
  readonly capabilities: readonly string[];
}

/** What the files of a model are. */
export interface ModelDetails {
  readonly parent_model: string;
  readonly format: string;
  readonly family: string;
  readonly families: readonly string[];
  readonly parameter_size: string;
  readonly quantization_level: string;
}

/** Metadata by the name of the model. */
export type MetadataByName = Pick<ReadonlyMap<string, ModelMetadata>, 'get'>;

/** A model under the name or alias by which clients know it; `served` is what Lamina's own list says of it. */
export function modelView({ name, record }: NamedModel, served: ServedModel, metadata: MetadataByName): ModelView {
  const { quantization, capabilities, meta, size = 0 } = served;
  const shown = shownName(name);
  const family = architectureOf(record, metadata);
  return {
    name: shown,
    model: shown,
    size,
    digest: digestOf(record),
    details: {
      parent_model: '',
      format: record.model.format,
      family,
      families: [family],
      parameter_size: shortNumber(meta.n_params),
      quantization_level: quantization ?? '',
    },
    capabilities: ollamaCapabilities(capabilities),
  };
}

/** The architecture in the files, else their format. */
export function architectureOf({ model }: ModelRecord, metadata: MetadataByName): string {
  return metadata.get(model.name)?.architecture ?? model.format;
}

const modified = new WeakMap<ModelRecord, Promise<string>>();
const startedAt = new Date().toISOString();

/** When the first file of a model was written, ISO 8601; of a model without files, when this process started. */
export function modifiedAt(record: ModelRecord): Promise<string> {
  const known = modified.get(record);
  if (known !== undefined) return known;
  const [file] = record.model.files;
  const reading =
    file === undefined
      ? Promise.resolve(startedAt)
      : stat(file.path).then(
          ({ mtime }) => mtime.toISOString(),
          () => startedAt,
        );
  modified.set(record, reading);
  return reading;
}

/** The digest of the downloaded file, else one of what is known of the files: the same while they are the same. */
function digestOf({ model, entry }: ModelRecord): string {
  const [, known] = /^sha256:([0-9a-f]{64})$/i.exec(entry.digest ?? '') ?? [];
  if (known !== undefined) return known.toLowerCase();
  const files = model.files.map(({ path, bytes }) => [path, bytes]);
  return createHash('sha256')
    .update(JSON.stringify(files.length === 0 ? model.name : files))
    .digest('hex');
}

/** As Ollama writes it: `7.6B`, `134.52M`. */
function shortNumber(count: number | undefined): string {
  if (count === undefined) return '';
  if (count >= 1e9) return `${rounded(count / 1e9, 1)}B`;
  if (count >= 1e6) return `${rounded(count / 1e6, 2)}M`;
  return count >= 1e3 ? `${Math.floor(count / 1e3)}K` : String(count);
}

function rounded(count: number, digits: number): string {
  return Number.isInteger(count) ? String(count) : count.toFixed(digits);
}
