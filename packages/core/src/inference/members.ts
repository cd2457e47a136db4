// Changes one member in the text of a request and nothing else. Parsing and writing the text would change its numbers:
// JavaScript has no 2^53 + 1, and writes 1e400 as null.
import { createRequire } from 'node:module';
import type { Edit } from 'jsonc-parser';
import type { Json } from '../contract/schema.js';

const require = createRequire(import.meta.url);

/** Loaded at its first use: it takes 40 ms, and most engines know a model by its name in Lamina. */
function loadParser(): typeof import('jsonc-parser') {
  return require('jsonc-parser') as typeof import('jsonc-parser');
}

/**
 * The JSON object `body` with another value of one member, which is added when there is none. Of several with its name,
 * all are changed, because engines differ in which of them they read. It takes 10 ms per megabyte.
 */
export function withMember(body: Buffer, member: string, value: Json): Buffer {
  const text = body.toString();
  const edits = editsFor(text, member, JSON.stringify(value));
  return Buffer.from(loadParser().applyEdits(text, edits));
}

/** The JSON object `body`, which has other members, with a member that it does not have yet. */
export function withNewMember(body: Buffer, member: string, value: Json): Buffer {
  const inside = body.indexOf('{') + 1;
  const text = `${JSON.stringify(member)}:${JSON.stringify(value)},`;
  return Buffer.concat([body.subarray(0, inside), Buffer.from(text), body.subarray(inside)]);
}

function editsFor(text: string, member: string, value: string): Edit[] {
  const edits: Edit[] = [];
  let depth = 0;
  let hasMembers = false;
  let valueStart: number | undefined;
  const endValue = (end: number): void => {
    if (valueStart !== undefined) edits.push({ offset: valueStart, length: end - valueStart, content: value });
    valueStart = undefined;
  };
  let name = '';
  loadParser().visit(text, {
    onObjectBegin: () => void depth++,
    onArrayBegin: () => void depth++,
    onArrayEnd: () => void depth--,
    onObjectEnd: (offset) => {
      if (depth === 1) endValue(offset);
      depth--;
    },
    onObjectProperty: (property) => {
      if (depth !== 1) return;
      name = property;
      hasMembers = true;
    },
    onSeparator: (character, offset) => {
      if (depth !== 1) return;
      if (character === ',') endValue(offset);
      else if (name === member) valueStart = offset + 1;
    },
  });
  if (edits.length > 0) return edits;
  return [
    { offset: text.indexOf('{') + 1, length: 0, content: `${JSON.stringify(member)}:${value}${hasMembers ? ',' : ''}` },
  ];
}
