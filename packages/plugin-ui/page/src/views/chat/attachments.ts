// Files that are sent with a message: images for models that see, and texts.
import { counted, formatBytes } from '../../format.js';
import type { AttachedFile } from './conversation.js';

/** Files that were read, and what is wrong with the others. */
export interface Attachments {
  /** Data URLs. */
  readonly images: readonly string[];
  readonly files: readonly AttachedFile[];
  readonly problems: readonly string[];
}

const imageTypes = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

/** The limits; the server takes 32 MiB for a whole conversation, and base64 makes an image a third larger. */
const maxImageBytes = 8_000_000;
const maxTextBytes = 1_000_000;

/** Reads files. @param canSee The model takes images. */
export async function readAttachments(files: readonly File[], canSee: boolean): Promise<Attachments> {
  const images: string[] = [];
  const texts: AttachedFile[] = [];
  const problems: string[] = [];
  for (const file of files) {
    const problem = problemOf(file, canSee);
    if (problem !== undefined) problems.push(problem);
    else if (file.type.startsWith('image/')) images.push(await dataUrl(file));
    else {
      const text = await file.text();
      if (isText(text)) texts.push({ name: file.name, text });
      else problems.push(`${file.name} is not a text file.`);
    }
  }
  return { images, files: texts, problems };
}

/** `2 images and 1 file`, for screen readers and exports. */
export function attachmentsText(images: number, files: number): string {
  return [images === 0 ? [] : counted(images, 'image'), files === 0 ? [] : counted(files, 'file')].flat().join(' and ');
}

function problemOf({ name, type, size }: File, canSee: boolean): string | undefined {
  const isImage = type.startsWith('image/');
  const limit = isImage ? maxImageBytes : maxTextBytes;
  if (isImage && !canSee) return `${name}: this model does not take images. Choose one that does.`;
  if (isImage && !imageTypes.includes(type)) return `${name} is not a PNG, JPEG, WebP or GIF file.`;
  if (size > limit) return `${name} has ${formatBytes(size)}. At most ${formatBytes(limit)} can be sent.`;
  return undefined;
}

/** Binary files have zeros, and bytes that are no UTF-8. */
function isText(text: string): boolean {
  return !/[\0\uFFFD]/.test(text);
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error ?? new Error(`${file.name} cannot be read.`));
    reader.readAsDataURL(file);
  });
}
