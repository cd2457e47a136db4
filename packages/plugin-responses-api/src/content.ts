// The content of input items as content of chat messages.
import { isMapping } from '@lamina/core/plugin';
import { invalid } from './errors.js';
import type { Fields } from './fields.js';

interface TextPart {
  readonly type: 'text';
  readonly text: string;
}

type ContentPart = TextPart | { readonly type: 'image_url'; readonly image_url: object };

const textTypes: readonly unknown[] = ['input_text', 'output_text', 'summary_text', 'reasoning_text', 'text'];

/**
 * Content for a chat message: one text where there are only texts, because many chat templates accept nothing else.
 * @throws LaminaError `REQUEST_INVALID` for a part that is neither a text nor an image
 */
export function readContent(content: unknown, param: string): string | readonly object[] {
  const parts = readParts(content, param);
  return parts.every(isText) ? joined(parts) : parts;
}

/** The texts of a content that can have nothing else. @throws LaminaError `REQUEST_INVALID` for other parts */
export function readText(content: unknown, param: string): string {
  const parts = readParts(content, param);
  if (!parts.every(isText)) throw invalid(`"${param}" must be text. Send images in messages of the user.`, param);
  return joined(parts);
}

function readParts(content: unknown, param: string): readonly ContentPart[] {
  if (content === undefined || content === null) return [];
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) throw invalid(`"${param}" must be a text or a list of parts.`, param);
  return content.map((part: unknown, index) => readPart(isMapping(part) ? part : {}, `${param}[${index}]`));
}

function readPart(part: Fields, param: string): ContentPart {
  const { type, text, refusal } = part;
  if (textTypes.includes(type) && typeof text === 'string') return { type: 'text', text };
  if (type === 'refusal' && typeof refusal === 'string') return { type: 'text', text: refusal };
  if (type === 'input_image') return readImage(part, param);
  throw invalid(
    `"${param}" has the type ${JSON.stringify(type)}, which is not supported. Send input_text and input_image.`,
    param,
  );
}

function readImage({ image_url: url, detail }: Fields, param: string): ContentPart {
  if (typeof url !== 'string')
    throw invalid(`"${param}" needs "image_url". Files are not stored; send the image as a data URL.`, param);
  return { type: 'image_url', image_url: { url, ...(typeof detail === 'string' ? { detail } : {}) } };
}

function isText(part: ContentPart): part is TextPart {
  return part.type === 'text';
}

function joined(parts: readonly TextPart[]): string {
  return parts.map(({ text }) => text).join('\n');
}
