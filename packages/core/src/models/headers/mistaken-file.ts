// Recognises what is often saved under the name of a model: a pointer of Git LFS, a web page.
import type { FileHandle } from 'node:fs/promises';

const longestStart = 512;

/** What a file is instead of a model, and what to do: a sentence part that begins with "it"; `undefined` if unknown. */
export async function mistakenFile(file: FileHandle): Promise<string | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(longestStart), 0, longestStart, 0);
  return mistakenText(buffer.toString('utf8', 0, bytesRead));
}

/** The same for the beginning of a text. */
export function mistakenText(start: string): string | undefined {
  if (start.startsWith('version https://git-lfs.github.com/spec/'))
    return 'it is a pointer of Git LFS, not the file itself; run "git lfs pull" in its repository, or download the file again';
  if (/^\uFEFF?\s*(?:<!--[^]*?-->\s*)*<(?:!doctype\s+html|html)\b/i.test(start))
    return 'it is a web page (HTML), not the file itself; download it again, with the address of the file instead of its page';
  return undefined;
}
