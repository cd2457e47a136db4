// A document quotes a file by a comment in front of a fenced block: <!-- file: examples/demo.ts -->. The block holds
// the whole file.
import { readFileSync } from 'node:fs';

export function withQuotedFiles(text) {
  return text.replace(
    /(<!-- file: (\S+) -->\n+```\w*\n)[^]*?(```\n)/g,
    (_, open, path, close) => `${open}${readFileSync(path, 'utf8').trimEnd()}\n${close}`,
  );
}
