// Converts the blocks of messages to texts and images in OpenAI's format.
import { LaminaError } from '@lamina/core/plugin';
import type { Block, Content } from './request.js';

/** A part of a message in OpenAI's format. */
export type Part =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image_url'; readonly image_url: { readonly url: string } };

/** Results of tools that Anthropic's server runs, and what only its models read. They are left out. */
const ignored =
  /^(redacted_thinking|server_tool_use|mcp_tool_use|tool_reference|container_upload|compaction|.+_tool_result)$/;

/**
 * The texts and images of some content. `where` is its place in the request, for errors.
 * @throws LaminaError `REQUEST_INVALID` for a block that a chat cannot have
 */
export function partsOf(content: Content, where: string): Part[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  return content.flatMap((block, index) => blockParts(block, `${where}.${index}`));
}

/** As {@link partsOf}, for one block. */
export function blockParts(block: Block, where: string): Part[] {
  if (block.type === 'text') return partsOf(textIn(block, 'text', where), where);
  if (block.type === 'image') return [image(block, where)];
  if (block.type === 'document') return document(block, where);
  if (block.type === 'search_result') return [...titleOf(block), ...partsOf(contentIn(block, where), where)];
  if (ignored.test(block.type)) return [];
  throw invalid(`Blocks of the type "${block.type}" are not supported here.`, where);
}

/** The texts, with a blank line between them. */
export function textOf(parts: readonly Part[]): string {
  return parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n\n');
}

/** A text in a block. @throws LaminaError `REQUEST_INVALID` */
export function textIn(block: Readonly<Record<string, unknown>>, field: string, where: string): string {
  const value = block[field];
  if (typeof value === 'string') return value;
  throw invalid('A text is missing.', `${where}.${field}`);
}

/** The content of a block; default: none. @throws LaminaError `REQUEST_INVALID` */
export function contentIn({ content = [] }: Block, where: string): Content {
  const isContent =
    typeof content === 'string' || (Array.isArray(content) && content.every((block) => typeOf(block) !== undefined));
  if (isContent) return content as Content;
  throw invalid('This must be a text or a list of blocks.', `${where}.content`);
}

/** The error for a part of a request. `where` is its place: `messages.0.content.1`. */
export function invalid(message: string, where: string): LaminaError {
  return new LaminaError('REQUEST_INVALID', { message: `${where}: ${message}`, param: where });
}

function typeOf(block: unknown): string | undefined {
  const { type } = (block ?? {}) as { type?: unknown };
  return typeof type === 'string' ? type : undefined;
}

function sourceOf({ source }: Block): Readonly<Record<string, unknown>> {
  return (source ?? {}) as Readonly<Record<string, unknown>>;
}

function image(block: Block, where: string): Part {
  const source = sourceOf(block);
  if (source['type'] !== 'base64')
    throw invalid(
      `Images with a source of the type "${String(source['type'])}" are not supported. Send the image itself: {"type":"base64","media_type":"image/png","data":"…"}.`,
      `${where}.source`,
    );
  const data = textIn(source, 'data', `${where}.source`);
  const mediaType = textIn(source, 'media_type', `${where}.source`);
  return { type: 'image_url', image_url: { url: `data:${mediaType};base64,${data}` } };
}

function document(block: Block, where: string): Part[] {
  const source = sourceOf(block);
  if (source['type'] === 'text')
    return [...titleOf(block), ...partsOf(textIn(source, 'data', `${where}.source`), where)];
  if (source['type'] === 'content')
    return [...titleOf(block), ...partsOf(contentIn(source as Block, `${where}.source`), `${where}.source.content`)];
  throw invalid(
    `Documents with a source of the type "${String(source['type'])}" are not supported. Send the text: {"type":"text","media_type":"text/plain","data":"…"}.`,
    `${where}.source`,
  );
}

function titleOf({ title }: Block): Part[] {
  return typeof title === 'string' ? partsOf(title, '') : [];
}
