// Writes an Ollama store as Ollama does: manifests by name, blobs by digest.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The layers of a model: the suffix of the media type, and the content. */
export type Layers = readonly (readonly [kind: string, content: string | Buffer])[];

/** The path of a blob with this content. */
export function blobPath(store: string, content: string | Buffer): string {
  return join(store, 'blobs', `sha256-${createHash('sha256').update(content).digest('hex')}`);
}

/** Stores a model at `host/namespace/model/tag`. */
export async function storeModel(store: string, path: string, layers: Layers, config: object = {}): Promise<void> {
  await mkdir(join(store, 'blobs'), { recursive: true });
  const blob = async (content: string | Buffer) => {
    const file = blobPath(store, content);
    await writeFile(file, content);
    return { digest: file.slice(-'sha256-'.length - 64).replace('-', ':'), size: Buffer.byteLength(content) };
  };
  const written = [];
  for (const [kind, content] of layers)
    written.push({ mediaType: `application/vnd.ollama.image.${kind}`, ...(await blob(content)) });
  const manifest = {
    schemaVersion: 2,
    config: { mediaType: 'application/vnd.docker.container.image.v1+json', ...(await blob(JSON.stringify(config))) },
    layers: written,
  };
  const file = join(store, 'manifests', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, JSON.stringify(manifest));
}
