// Text as it is, however long: in parts, so that the browser lays out only the last one again while it grows.
import type { JSX } from 'preact';

const partLength = 8_000;

/** Text as it is. */
export function PlainText({ text }: { readonly text: string }): JSX.Element {
  return (
    <div class="plain-text">
      {partsOf(text).map((part, index) => (
        <div key={index}>{part}</div>
      ))}
    </div>
  );
}

/** Cuts a text after a line or a word. A text that grows is cut at the same places. */
export function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let at = 0;
  while (text.length - at > partLength) {
    const part = text.slice(at, at + partLength);
    const end = part.lastIndexOf('\n') + 1 || part.lastIndexOf(' ') + 1 || lengthOfWhole(part);
    parts.push(part.slice(0, end));
    at += end;
  }
  parts.push(text.slice(at));
  return parts;
}

/** A character outside of the basic plane has two code units, which stay together. */
function lengthOfWhole(part: string): number {
  return /[\uD800-\uDBFF]$/.test(part) ? part.length - 1 : part.length;
}
