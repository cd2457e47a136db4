// Images in messages: files as data URLs in content parts, as OpenAI's API defines them.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { ChatMessage } from '@lamina/client';
import { LaminaError, reasonOf } from '@lamina/core/protocol';
import { withHome } from '../home-folder.js';

/** A content part with an image. */
export interface ImagePart {
  readonly type: 'image_url';
  readonly image_url: { readonly url: string };
}

const mediaTypes: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.gif': 'image/gif',
};

/** Reads an image. @throws LaminaError `REQUEST_INVALID` for a file that cannot be read or is no image */
export async function readImage(path: string): Promise<ImagePart> {
  const type = mediaTypes[extname(path).toLowerCase()];
  if (type === undefined)
    throw new LaminaError('REQUEST_INVALID', { message: `${path} is not a PNG, JPEG, WebP or GIF file.` });
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new LaminaError('REQUEST_INVALID', { message: `Cannot read the image ${path}: ${reasonOf(error)}.` });
  });
  return { type: 'image_url', image_url: { url: `data:${type};base64,${bytes.toString('base64')}` } };
}

/** A path in quotes, as terminals drop files, or without; blanks in it may be escaped. */
const imagePath = /'([^'\n]+)'|"([^"\n]+)"|((?:\\.|[^\s\\'"])+)/g;

/** The files named in a text that exist and are images. */
export function imagePathsIn(text: string): readonly string[] {
  const paths = [...text.matchAll(imagePath)].map(
    ([, single, double, plain]) => single ?? double ?? plain!.replace(/\\(.)/g, '$1').replace(/[?!.,;:)]+$/, ''),
  );
  const images = paths.map(withHome).filter((path) => extname(path).toLowerCase() in mediaTypes && existsSync(path));
  return [...new Set(images)];
}

/** The content of a message. */
export function contentOf(text: string, images: readonly ImagePart[]): ChatMessage['content'] & {} {
  return images.length === 0 ? text : [{ type: 'text', text }, ...images];
}
