// The files of the built page, read once. Nothing else can be requested, so no path leads outside the folder.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

/** The encodings that the build has made of each file, the smaller one first, and their file extensions. */
const extensions: Readonly<Record<string, string>> = { br: '.br', gzip: '.gz' };

/** A file of the page. */
export interface PageFile {
  /** Its extension, from which Koa knows the content type. */
  readonly extension: string;
  readonly etag: string;
  /** Whether its name changes with its content. */
  readonly isHashed: boolean;
  /** Content encoding → bytes; `identity` is the file itself. */
  readonly encodings: Readonly<Record<string, Buffer>>;
}

/** Reads all files below a folder, by their paths with `/`. */
export async function readPageFiles(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const originals = paths.filter((path) => !Object.values(extensions).includes(extname(path)));
  return new Map(
    await Promise.all(
      originals.map(async (path): Promise<[string, PageFile]> => {
        const name = relative(folder, path).replaceAll(sep, '/');
        return [name, await readPageFile(path, name.startsWith('assets/'))];
      }),
    ),
  );
}

async function readPageFile(path: string, isHashed: boolean): Promise<PageFile> {
  const identity = await readFile(path);
  const compressed = Object.entries(extensions).map(async ([encoding, extension]) => [
    encoding,
    await readFile(`${path}${extension}`),
  ]);
  const encodings = Object.fromEntries([...(await Promise.all(compressed)), ['identity', identity]]) as Record<
    string,
    Buffer
  >;
  const etag = `W/"${createHash('sha256').update(identity).digest('base64url').slice(0, 22)}"`; // Weak: one for all encodings.
  return { extension: extname(path), etag, isHashed, encodings };
}
