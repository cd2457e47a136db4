// Inserts a file into the fenced code block after a comment such as <!-- file: examples/demo.ts -->.
import { readFileSync } from 'node:fs';

export function withQuotedFiles(text) {
  return text.replace(
    /(<!-- file: (\S+) -->\n+```\w*\n)[^]*?(```\n)/g,
    (_, open, path, close) => `${open}${readFileSync(path, 'utf8').trimEnd()}\n${close}`,
  );
}
