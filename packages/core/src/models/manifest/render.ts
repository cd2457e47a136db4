// Data as YAML text, as people write manifests: simple words without quotes, everything else as JSON strings.
import { isMapping } from '../../kernel/json.js';

const bare = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const reserved = /^(true|false|null|yes|no|on|off|y|n)$/i;

/** A value on one line. */
export function renderFlow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(renderFlow).join(', ')}]`;
  // eslint-disable-next-line no-restricted-syntax -- YAML has null.
  if (!isMapping(value)) return typeof value === 'string' ? renderText(value) : JSON.stringify(value ?? null);
  const pairs = Object.entries(value).filter(([, part]) => part !== undefined);
  return pairs.length === 0
    ? '{}'
    : `{ ${pairs.map(([key, part]) => `${renderText(key)}: ${renderFlow(part)}`).join(', ')} }`;
}

/** A key and its value; mappings open a block, down to `blocks` levels. The first line is not indented. */
export function renderPair(
  key: string,
  value: unknown,
  layout: { indent: string; step: string; newline: string; blocks: number },
): string {
  const { indent, step, newline, blocks } = layout;
  if (blocks === 0 || !isMapping(value) || Object.keys(value).length === 0)
    return `${renderText(key)}: ${renderFlow(value)}`;
  const inner = indent + step;
  const pairs = Object.entries(value).filter(([, part]) => part !== undefined);
  return [
    `${renderText(key)}:`,
    ...pairs.map(
      ([name, part]) => inner + renderPair(name, part, { indent: inner, step, newline, blocks: blocks - 1 }),
    ),
  ].join(newline);
}

function renderText(text: string): string {
  return bare.test(text) && !reserved.test(text) ? text : JSON.stringify(text);
}
