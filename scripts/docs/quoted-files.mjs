// Inserts a file, or a region of one, into the fenced code block after a comment such as <!-- file: examples/demo.ts -->
// or <!-- file: examples/demo.ts#chat -->. A region is between the lines `// #region chat` and `// #endregion`.
import { readFileSync } from 'node:fs';

export function withQuotedFiles(text) {
  return text.replace(
    /(<!-- file: ([^\s#]+)(?:#(\S+))? -->\n+```\w*\n)[^]*?(```\n)/g,
    (_, open, path, region, close) => `${open}${quote(path, region)}\n${close}`,
  );
}

function quote(path, region) {
  const text = readFileSync(path, 'utf8').trimEnd();
  if (region === undefined) return text;
  const lines = text.split('\n');
  const start = lines.findIndex((line) => line.trim() === `// #region ${region}`);
  if (start < 0) throw new Error(`${path} has no region "${region}".`);
  const indentation = lines[start].length - lines[start].trimStart().length;
  const end = lines.findIndex((line, index) => index > start && line.trim() === '// #endregion');
  return lines
    .slice(start + 1, end)
    .map((line) => line.slice(indentation))
    .join('\n');
}
